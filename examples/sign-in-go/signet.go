package main

// This file has the authorization code flow (OpenID Connect Core §3.1), with go-oidc and x/oauth2. It checks what they leave to the
// app: `state`, `nonce`, `at_hash`, the `iss` of the answer (RFC 9207), and that UserInfo is about the same person.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

type signet struct {
	oauth   oauth2.Config
	issuer  string
	app     string
	client  *http.Client
	idToken *oidc.IDTokenVerifier
	*oidc.Provider
	endpoints struct {
		Revocation string `json:"revocation_endpoint"`
		EndSession string `json:"end_session_endpoint"`
	}
}

// person is a user who has signed in.
type person struct {
	subject string
	idToken string
	tokens  *oauth2.Token
	Name    string `json:"name"`
	Email   string `json:"email"`
}

// begun holds the values of one sign-in that the browser keeps in a cookie until it comes back.
type begun struct{ state, nonce, verifier string }

// refusal is an error code of the issuer, such as access_denied.
type refusal string

func (r refusal) Error() string { return string(r) }

// discover reads the metadata of the issuer.
func discover(issuer, app, id, secret string) (*signet, error) {
	s := &signet{issuer: issuer, app: app, client: &http.Client{Timeout: 10 * time.Second}}
	var err error
	if s.Provider, err = oidc.NewProvider(s.context(context.Background()), issuer); err != nil {
		return nil, err
	}
	if err := s.Claims(&s.endpoints); err != nil {
		return nil, err
	}
	endpoint := s.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	s.oauth = oauth2.Config{
		ClientID:     id,
		ClientSecret: secret,
		Endpoint:     endpoint,
		RedirectURL:  app + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess},
	}
	s.idToken = s.Verifier(&oidc.Config{ClientID: id, SupportedSigningAlgs: []string{oidc.RS256}})
	return s, nil
}

// context makes go-oidc and x/oauth2 use a client that has a time-out.
func (s *signet) context(parent context.Context) context.Context {
	return oidc.ClientContext(parent, s.client)
}

// begin returns the URL to which to send the browser, and the values that finish needs to check the answer.
func (s *signet) begin() (string, begun) {
	b := begun{state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	return s.oauth.AuthCodeURL(b.state, oidc.Nonce(b.nonce), oauth2.S256ChallengeOption(b.verifier)), b
}

// finish checks the parameters with which the browser came to /callback, gets the tokens, and returns the user who signed in.
func (s *signet) finish(ctx context.Context, answer url.Values, b begun) (*person, error) {
	ctx = s.context(ctx)
	if answer.Get("iss") != s.issuer {
		return nil, errors.New("the answer comes from another issuer")
	}
	if answer.Get("state") != b.state {
		return nil, errors.New("the answer belongs to another sign-in")
	}
	if code := answer.Get("error"); code != "" {
		return nil, refusal(code)
	}
	tokens, err := s.oauth.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(b.verifier))
	if err != nil {
		return nil, err
	}
	return s.person(ctx, tokens, func(token *oidc.IDToken) error {
		if token.Nonce != b.nonce {
			return errors.New("the ID token belongs to another sign-in")
		}
		return nil
	})
}

// refresh returns the same user with new tokens.
func (s *signet) refresh(ctx context.Context, p *person) (*person, error) {
	ctx = s.context(ctx)
	tokens, err := s.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: p.tokens.RefreshToken}).Token()
	if err != nil {
		return nil, err
	}
	return s.person(ctx, tokens, func(token *oidc.IDToken) error {
		if token.Subject != p.subject {
			return errors.New("the ID token is about another user")
		}
		return nil
	})
}

func (s *signet) person(ctx context.Context, tokens *oauth2.Token, check func(*oidc.IDToken) error) (*person, error) {
	raw, _ := tokens.Extra("id_token").(string)
	token, err := s.idToken.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(token.VerifyAccessToken(tokens.AccessToken), check(token)); err != nil {
		return nil, err
	}
	info, err := s.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, err
	}
	if info.Subject != token.Subject {
		return nil, errors.New("the UserInfo answer is about another user")
	}
	p := &person{subject: token.Subject, idToken: raw, tokens: tokens}
	return p, info.Claims(p)
}

// signOut revokes the refresh token, and returns the URL to which to send the browser so that the user signs out at the issuer too.
func (s *signet) signOut(ctx context.Context, p *person) (string, error) {
	// The app asked for offline_access, so the refresh token would stay valid after the session has ended.
	form := url.Values{"token": {p.tokens.RefreshToken}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoints.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(s.oauth.ClientID), url.QueryEscape(s.oauth.ClientSecret))
	answer, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the refresh token could not be revoked: %s", answer.Status)
	}
	query := url.Values{"id_token_hint": {p.idToken}, "post_logout_redirect_uri": {s.app + "/"}}
	return s.endpoints.EndSession + "?" + query.Encode(), nil
}
