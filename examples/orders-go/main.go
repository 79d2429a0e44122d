// An example service that keeps orders. GET /orders requires the scope orders:read, POST /orders requires orders:write, and
// GET /me requires any valid token.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

type order struct {
	Item string `json:"item"`
	By   string `json:"by"`
}

type orders struct {
	mutex sync.Mutex
	list  []order
}

func (o *orders) get(w http.ResponseWriter, _ *http.Request, _ *claims) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	answer(w, http.StatusOK, o.list)
}

func (o *orders) post(w http.ResponseWriter, r *http.Request, token *claims) {
	var placed order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 65536)).Decode(&placed); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	placed.By = token.Subject
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.list = append(o.list, placed)
	answer(w, http.StatusCreated, placed)
}

func me(w http.ResponseWriter, _ *http.Request, token *claims) {
	answer(w, http.StatusOK, map[string]any{"sub": token.Subject, "client_id": token.ClientID, "scopes": strings.Fields(token.Scope)})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	maxAge, err := strconv.Atoi(setting("JWKS_MAX_AGE", "300"))
	if err != nil {
		log.Fatalf("JWKS_MAX_AGE: expected seconds: %v", err)
	}
	issuer, audience := setting("ISSUER", "http://localhost:8080"), setting("AUDIENCE", "https://orders.example")
	tokens, err := newVerifier(context.Background(), issuer, audience, time.Duration(maxAge)*time.Second)
	if err != nil {
		log.Fatal(err)
	}

	kept := &orders{list: []order{}}
	routes := http.NewServeMux()
	// Each route names the scope that it requires. An empty scope allows any valid token.
	routes.HandleFunc("GET /orders", tokens.require("orders:read", kept.get))
	routes.HandleFunc("POST /orders", tokens.require("orders:write", kept.post))
	routes.HandleFunc("GET /me", tokens.require("", me))

	server := &http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", setting("PORT", "9006")),
		Handler:           routes,
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Printf("orders are at http://%s/orders, for tokens of %s", server.Addr, issuer)
	log.Fatal(server.ListenAndServe())
}
