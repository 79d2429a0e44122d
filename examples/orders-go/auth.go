package main

// This file verifies Signet's access tokens (RFC 9068) against the issuer's cached JWKS, with golang-jwt and keyfunc.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// staleKeys is how long the last keys still serve while the issuer does not answer.
const staleKeys = time.Hour

// claims of an access token. golang-jwt calls Validate after its own checks.
type claims struct {
	jwt.RegisteredClaims
	ClientID     string          `json:"client_id"`
	Scope        string          `json:"scope"`
	GrantID      string          `json:"grant_id"`
	Confirmation json.RawMessage `json:"cnf"`
}

func (c *claims) Validate() error {
	if c.Subject == "" || c.ID == "" || c.ClientID == "" || c.IssuedAt == nil {
		return errors.New("one of sub, jti, client_id and iat is missing")
	}
	if c.Confirmation != nil {
		return errors.New("the token is bound to a key, so it is not a bearer token")
	}
	return nil
}

type verifier struct {
	audience string
	parser   *jwt.Parser
	keys     keyfunc.Keyfunc
	fetches  *fetches
	revoked  *revocations
}

// newVerifier starts to fetch the keys of the issuer. maxAge is the max-age of its JWKS: keyfunc fetches the keys again each time
// that it has passed, so that a revoked key is refused after at most that time.
func newVerifier(ctx context.Context, issuer, audience string, maxAge time.Duration) (*verifier, error) {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(30*time.Second),
		jwt.WithStrictDecoding(),
	)
	fetches := &fetches{}
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{issuer + "/.well-known/jwks.json"}, keyfunc.Override{
		Client:          &http.Client{Transport: fetches},
		HTTPTimeout:     5 * time.Second,
		RefreshInterval: maxAge,
		// An unknown key id makes keyfunc fetch the keys at once, but not more often than this, because strangers can send unknown
		// key ids. After a key was revoked, the next one signs at once, so a longer time would refuse good tokens. RateLimitWaitMax
		// bounds the time for which such a request waits for its turn and then for the keys.
		RefreshUnknownKID: rate.NewLimiter(rate.Every(time.Second), 1),
		RateLimitWaitMax:  5 * time.Second,
	})
	return &verifier{audience, parser, keys, fetches, newRevocations(issuer)}, err
}

// verify returns the claims of the token if it is valid. errNoKeys says that this cannot be decided now.
func (v *verifier) verify(token string) (*claims, error) {
	accepted := &claims{}
	parsed, err := v.parser.ParseWithClaims(token, accepted, func(unverified *jwt.Token) (any, error) {
		// Only the type distinguishes an access token from an ID token, because the same key signs both.
		typ, _ := unverified.Header["typ"].(string)
		if strings.TrimPrefix(strings.ToLower(typ), "application/") != "at+jwt" {
			return nil, fmt.Errorf("typ: expected at+jwt, found %q", typ)
		}
		// golang-jwt ignores crit, but a token with an extension that is not understood must be refused (RFC 7515 §4.1.11).
		if _, found := unverified.Header["crit"]; found {
			return nil, errors.New("crit is not supported")
		}
		key, err := v.keys.Keyfunc(unverified)
		if v.fetches.age() > staleKeys || (err != nil && (v.fetches.failed.Load() || v.keysAreOutdated())) {
			return nil, errNoKeys
		}
		return key, err
	})
	if err != nil {
		return accepted, err
	}
	if kid, _ := parsed.Header["kid"].(string); v.revoked.isRevoked(kid, accepted.GrantID) {
		return accepted, errors.New("the token is revoked")
	}
	return accepted, nil
}

// keysAreOutdated tells whether the keys are from before a revocation, so that they may lack the one that signs now.
func (v *verifier) keysAreOutdated() bool {
	kept, err := v.keys.Storage().KeyReadAll(context.Background())
	for _, key := range kept {
		if v.revoked.names(key.Marshal().KID) {
			return true
		}
	}
	return err != nil
}

var errNoKeys = errors.New("the present keys of the issuer cannot be fetched")

// fetches notes how the last fetch of the keys went. keyfunc itself keeps the last keys for ever while the issuer does not answer,
// and does not tell an unknown key from one that could not be fetched.
type fetches struct {
	failed    atomic.Bool
	succeeded atomic.Int64 // Unix seconds
}

func (f *fetches) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	failed := err != nil || answer.StatusCode != http.StatusOK
	f.failed.Store(failed)
	if !failed {
		f.succeeded.Store(time.Now().Unix())
	}
	return answer, err
}

func (f *fetches) age() time.Duration {
	return time.Since(time.Unix(f.succeeded.Load(), 0))
}

// require calls handle only for a valid token that carries the scope. An empty scope allows any valid token.
func (v *verifier) require(scope string, handle func(http.ResponseWriter, *http.Request, *claims)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		headers := r.Header.Values("Authorization")
		if len(headers) > 1 {
			v.challenge(w, http.StatusBadRequest, "invalid_request", "")
			return
		}
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || token == "" {
			v.challenge(w, http.StatusUnauthorized, "", scope)
			return
		}
		accepted, err := v.verify(strings.TrimLeft(token, " "))
		switch {
		case errors.Is(err, errNoKeys):
			log.Print(err)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			v.challenge(w, http.StatusUnauthorized, "invalid_token", "")
		case scope != "" && !slices.Contains(strings.Split(accepted.Scope, " "), scope):
			v.challenge(w, http.StatusForbidden, "insufficient_scope", scope)
		default:
			handle(w, r, accepted)
		}
	}
}

// challenge refuses the request (RFC 6750 §3).
func (v *verifier) challenge(w http.ResponseWriter, status int, code, scope string) {
	parts := []string{fmt.Sprintf("realm=%q", v.audience)}
	if code != "" {
		parts = append(parts, fmt.Sprintf("error=%q", code))
	}
	if scope != "" {
		parts = append(parts, fmt.Sprintf("scope=%q", scope))
	}
	w.Header().Set("WWW-Authenticate", "Bearer "+strings.Join(parts, ", "))
	w.WriteHeader(status)
}
