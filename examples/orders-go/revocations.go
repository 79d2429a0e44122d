package main

// This file follows Signet's feed of revocations (docs/revocation-feed.md), so that a revoked token is refused about a second later.

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	maxEntries  = 1_000_000
	maxBytes    = maxEntries*25 + 65536
	firstAnswer = 5 * time.Second
)

// errAway is the error of an issuer that does not answer, or answers that it cannot for now.
var errAway = errors.New("the issuer is away")

type revocations struct {
	issuer   string
	client   *http.Client
	start    sync.Once
	answered chan struct{} // closed after the first answer, or when nobody shall wait for it any more
	settle   sync.Once

	mutex   sync.RWMutex
	revoked map[string]time.Time // the handle, and when it may be forgotten
	kids    map[string]bool

	endpoint, cursor string
}

func newRevocations(issuer string) *revocations {
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &revocations{
		issuer:   issuer,
		client:   &http.Client{CheckRedirect: noRedirects},
		answered: make(chan struct{}),
		revoked:  map[string]time.Time{},
		kids:     map[string]bool{},
	}
}

// isRevoked tells whether the token's key, or what it was granted by, is revoked.
func (r *revocations) isRevoked(kid, grantID string) bool {
	if r.names(kid) {
		return true
	}
	hash := sha256.Sum256([]byte(grantID))
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	_, revoked := r.revoked[base64.RawURLEncoding.EncodeToString(hash[:16])]
	return grantID != "" && revoked
}

// names tells whether the key is revoked. The first call starts to follow the feed and waits for its first answer.
func (r *revocations) names(kid string) bool {
	r.start.Do(func() {
		go r.follow()
		time.AfterFunc(firstAnswer, r.settled)
	})
	<-r.answered
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	return r.kids[kid]
}

func (r *revocations) settled() { r.settle.Do(func() { close(r.answered) }) }

func (r *revocations) follow() {
	for failures := 0; ; {
		wait, err := r.step()
		if err == nil {
			r.settled()
			failures = 0
		} else {
			// Whatever is wrong with an answer, it is silence.
			log.Printf("the feed of revocations did not answer: %v", err)
			// An issuer that is away is asked again soon, so that its news is heard about a second after it is back.
			longest := 30 * time.Second
			if errors.Is(err, errAway) {
				longest = time.Second
			}
			// What the issuer asks to wait for counts if it is longer.
			longest = max(wait, min(longest, 200*time.Millisecond<<min(failures, 8)))
			wait = longest/2 + rand.N(longest/2)
			failures++
		}
		time.Sleep(wait)
	}
}

// step reads one answer, and returns how long to wait before the next request.
func (r *revocations) step() (time.Duration, error) {
	if r.endpoint == "" {
		var discovery struct {
			Endpoint string `json:"signet_revocations_endpoint"`
		}
		if wait, err := r.get(r.issuer+"/.well-known/openid-configuration", 5*time.Second, &discovery); err != nil {
			return wait, err
		}
		if discovery.Endpoint == "" && r.cursor != "" {
			return 0, errors.New("the issuer names no feed any more")
		}
		if discovery.Endpoint == "" {
			return 150*time.Second + rand.N(300*time.Second), nil
		}
		found, err := url.Parse(discovery.Endpoint)
		issuer, _ := url.Parse(r.issuer)
		if err != nil || issuer == nil || found.Scheme != issuer.Scheme || found.Host != issuer.Host {
			return 0, fmt.Errorf("%q is not of the issuer's origin", discovery.Endpoint)
		}
		r.endpoint = discovery.Endpoint
	}
	address := r.endpoint
	if r.cursor != "" {
		address += "?" + url.Values{"after": {r.cursor}}.Encode()
	}
	var answer struct {
		Cursor  string   `json:"cursor"`
		KeepFor *uint32  `json:"keep_for"`
		Revoked []string `json:"revoked"`
		Kids    []string `json:"revoked_kids"`
	}
	if wait, err := r.get(address, 30*time.Second, &answer); err != nil {
		return wait, err
	}
	if answer.Cursor == "" || answer.KeepFor == nil || answer.Revoked == nil {
		return 0, errors.New("the answer is malformed")
	}
	now := time.Now() // its difference from another one is that of the monotonic clock
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for handle, until := range r.revoked {
		if until.Before(now) {
			delete(r.revoked, handle)
		}
	}
	for _, kid := range answer.Kids {
		r.kids[kid] = true
	}
	fresh := map[string]bool{}
	for _, handle := range answer.Revoked {
		if _, known := r.revoked[handle]; !known {
			fresh[handle] = true
		}
	}
	if len(r.revoked)+len(fresh) > maxEntries {
		return 0, errors.New("there are more revocations than there is room for")
	}
	for _, handle := range answer.Revoked {
		r.revoked[handle] = now.Add(time.Duration(*answer.KeepFor) * time.Second)
	}
	r.cursor = answer.Cursor
	return 100 * time.Millisecond, nil
}

// get reads a JSON document. With an error it returns how long the issuer asks to wait.
func (r *revocations) get(address string, timeout time.Duration, into any) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errAway, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		if answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests {
			r.endpoint = "" // the feed may have moved
		}
		seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
		err := fmt.Errorf("status %d", answer.StatusCode)
		if answer.StatusCode >= 500 {
			err = fmt.Errorf("%w: %w", errAway, err)
		}
		return time.Duration(max(0, min(30, seconds))) * time.Second, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBytes+1))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errAway, err)
	}
	if len(body) > maxBytes {
		return 0, errors.New("the answer is too long")
	}
	return 0, json.Unmarshal(body, into)
}
