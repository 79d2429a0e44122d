// An example web app whose users sign in with Signet. This file has the pages, cookies and sessions of the app; signet.go talks to
// the issuer.
package main

import (
	"crypto/rand"
	"errors"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	sessionCookie = "shop_go_session"
	begunCookie   = "shop_go_begun"
)

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Shop</title><h1>Shop</h1>
{{- with .Error}}<p>It did not work: <strong id="error">{{.}}</strong></p>{{end}}
{{- with .Person}}<p>Signed in as <strong id="name">{{.Name}}</strong>, <span id="email">{{.Email}}</span></p>
<form method="post"><button formaction="/refresh">Refresh</button> <button formaction="/sign-out">Sign out</button></form>
{{- else}}<p><a href="/sign-in">Sign in</a></p>{{end}}`))

type shop struct {
	signet *signet
	// people holds the signed-in users as *person, by session id. An app that runs in more than one process keeps them in a database.
	people sync.Map
}

func (s *shop) home(w http.ResponseWriter, r *http.Request) {
	_, p := s.session(r)
	show(w, http.StatusOK, p, "")
}

func (s *shop) signIn(w http.ResponseWriter, r *http.Request) {
	location, b := s.signet.begin()
	s.setCookie(w, begunCookie, strings.Join([]string{b.state, b.nonce, b.verifier}, "."), 600)
	http.Redirect(w, r, location, http.StatusSeeOther)
}

func (s *shop) callback(w http.ResponseWriter, r *http.Request) {
	values := strings.Split(cookie(r, begunCookie), ".")
	if len(values) != 3 {
		fail(w, errors.New("no sign-in was started in this browser"))
		return
	}
	p, err := s.signet.finish(r.Context(), r.URL.Query(), begun{values[0], values[1], values[2]})
	if err != nil {
		fail(w, err)
		return
	}
	s.people.Delete(cookie(r, sessionCookie))
	id := rand.Text()
	s.people.Store(id, p)
	s.setCookie(w, sessionCookie, id, 0)
	s.setCookie(w, begunCookie, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) refresh(w http.ResponseWriter, r *http.Request) {
	if id, p := s.session(r); p != nil {
		renewed, err := s.signet.refresh(r.Context(), p)
		if err != nil {
			// The refresh token is no longer valid if the issuer has ended the session. Then end it here too.
			if refused := new(oauth2.RetrieveError); errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
				s.people.Delete(id)
			}
			fail(w, err)
			return
		}
		// Another request may have signed the user out in the meantime.
		s.people.CompareAndSwap(id, p, renewed)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *shop) signOut(w http.ResponseWriter, r *http.Request) {
	location := "/"
	if id, p := s.session(r); p != nil {
		s.people.Delete(id)
		s.setCookie(w, sessionCookie, "", -1)
		var err error
		if location, err = s.signet.signOut(r.Context(), p); err != nil {
			fail(w, err)
			return
		}
	}
	http.Redirect(w, r, location, http.StatusSeeOther)
}

// session returns the id of the session and its user, or nil if nobody is signed in.
func (s *shop) session(r *http.Request) (string, *person) {
	id := cookie(r, sessionCookie)
	found, _ := s.people.Load(id)
	p, _ := found.(*person)
	return id, p
}

func (s *shop) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	secure := strings.HasPrefix(s.signet.app, "https:")
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, MaxAge: maxAge, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	})
}

func cookie(r *http.Request, name string) string {
	found, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return found.Value
}

func show(w http.ResponseWriter, status int, p *person, message string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := page.Execute(w, map[string]any{"Person": p, "Error": message}); err != nil {
		log.Print(err)
	}
}

// fail shows the error code of the issuer, such as access_denied, or else the message of the error.
func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	message := err.Error()
	if refused := new(oauth2.RetrieveError); errors.As(err, &refused) && refused.ErrorCode != "" {
		message = refused.ErrorCode
	}
	show(w, http.StatusBadRequest, nil, message)
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	port := setting("PORT", "9008")
	issuer, app := setting("ISSUER", "http://localhost:8080"), setting("APP_URL", "http://localhost:"+port)
	signet, err := discover(issuer, app, os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"))
	if err != nil {
		log.Fatal(err)
	}
	s := &shop{signet: signet}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /{$}", s.home)
	routes.HandleFunc("GET /sign-in", s.signIn)
	routes.HandleFunc("GET /callback", s.callback)
	routes.HandleFunc("POST /refresh", s.refresh)
	routes.HandleFunc("POST /sign-out", s.signOut)

	server := &http.Server{
		Addr: net.JoinHostPort("127.0.0.1", port),
		// Other sites cannot make the browser post to this app.
		Handler:           http.NewCrossOriginProtection().Handler(routes),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Printf("the shop is at %s, and its users sign in at %s", app, issuer)
	log.Fatal(server.ListenAndServe())
}
