// Command kubernetes-oidc checks ID tokens with the authenticator of the Kubernetes API server, as `kube-apiserver --authentication-config`
// does. Its arguments are the configuration and the port on which it listens: POST / with a token answers with the user of Kubernetes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

// authority is the certificate of the authority that signed the issuer's certificate, in PEM.
type authority string

func (a authority) CurrentCABundleContent() []byte { return []byte(a) }

func configured(file string) (apiserver.JWTAuthenticator, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return apiserver.JWTAuthenticator{}, err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder()
	configuration := &apiserver.AuthenticationConfiguration{}
	if err := runtime.DecodeInto(decoder, content, configuration); err != nil {
		return apiserver.JWTAuthenticator{}, err
	}
	if len(configuration.JWT) != 1 {
		return apiserver.JWTAuthenticator{}, errors.New("expected one entry in jwt")
	}
	return configuration.JWT[0], nil
}

// answer checks the token in the body, and answers 200 with the user, 401 with the reason, or 503 before the issuer's keys are known.
func answer(authn oidc.AuthenticatorTokenWithHealthCheck) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := authn.HealthCheck(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		token, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var found *authenticator.Response
		ok := false
		if found, ok, err = authn.AuthenticateToken(r.Context(), string(token)); err != nil || !ok {
			reason := "the token is not for this authenticator"
			if err != nil {
				reason = err.Error()
			}
			http.Error(w, reason, http.StatusUnauthorized)
			return
		}
		user := map[string]any{"username": found.User.GetName(), "groups": found.User.GetGroups()}
		if err := json.NewEncoder(w).Encode(user); err != nil {
			log.Print(err)
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: kubernetes-oidc CONFIGURATION PORT")
	}
	jwt, err := configured(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	options := oidc.Options{JWTAuthenticator: jwt, CAContentProvider: authority(jwt.Issuer.CertificateAuthority)}
	authn, err := oidc.New(context.Background(), options)
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], answer(authn)))
}
