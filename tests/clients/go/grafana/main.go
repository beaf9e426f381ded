// Program grafana makes the requests of Grafana's generic OAuth, with the libraries that Grafana uses. It reads the
// section of a grafana.ini, as Grafana does (pkg/login/social/connectors/generic_oauth.go,
// pkg/services/authn/clients/oauth.go), and shows what Grafana would know about the user.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jmespath-community/go-jmespath"
	"golang.org/x/oauth2"
	"gopkg.in/ini.v1"
)

// grafana is one Grafana, with one user.
type grafana struct {
	section *ini.Section
	oauth   oauth2.Config

	mutex    sync.Mutex
	state    string
	verifier string
	token    *oauth2.Token
}

// user is what Grafana stores at a sign-in.
type user struct {
	Login  string   `json:"login"`
	Email  string   `json:"email"`
	Name   string   `json:"name"`
	Role   string   `json:"role"`
	Groups []string `json:"groups"`
}

func main() {
	file, err := ini.Load(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	section := file.Section("auth.generic_oauth")
	root := file.Section("server").Key("root_url").String()
	instance := &grafana{section: section, oauth: oauth2.Config{
		ClientID:     section.Key("client_id").String(),
		ClientSecret: os.Getenv("GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET"),
		Endpoint: oauth2.Endpoint{
			AuthURL:   section.Key("auth_url").String(),
			TokenURL:  section.Key("token_url").String(),
			AuthStyle: oauth2.AuthStyleAutoDetect,
		},
		RedirectURL: strings.TrimSuffix(root, "/") + "/login/generic_oauth",
		Scopes:      strings.Fields(section.Key("scopes").String()),
	}}
	http.HandleFunc("/login/generic_oauth", answering(instance.logIn))
	http.HandleFunc("/refresh", answering(instance.refresh))
	http.HandleFunc("/logout", answering(instance.logOut))
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(os.Args[2], nil))
}

// answering lets a browser follow the returned address, or shows it the returned user.
func answering(work func(*http.Request) (string, *user, error)) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		destination, found, err := work(request)
		switch {
		case err != nil:
			http.Error(writer, err.Error(), http.StatusUnauthorized)
		case found != nil:
			_ = json.NewEncoder(writer).Encode(found)
		default:
			http.Redirect(writer, request, destination, http.StatusFound)
		}
	}
}

// logIn sends the user to the provider, and exchanges the code with which the user returns.
func (g *grafana) logIn(request *http.Request) (string, *user, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	code := request.URL.Query().Get("code")
	if code == "" {
		g.state, g.verifier = oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
		return g.oauth.AuthCodeURL(g.state, oauth2.S256ChallengeOption(g.verifier)), nil, nil
	}
	if request.URL.Query().Get("state") != g.state {
		return "", nil, errors.New("another state")
	}
	token, err := g.oauth.Exchange(request.Context(), code, oauth2.VerifierOption(g.verifier))
	if err != nil {
		return "", nil, err
	}
	token.TokenType = "Bearer"
	g.token = token
	found, err := g.userInfo(request.Context())
	return "", found, err
}

// refresh does what Grafana does (use_refresh_token) for a request after the access token's end.
func (g *grafana) refresh(request *http.Request) (string, *user, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	expired := *g.token
	expired.Expiry = time.Now().Add(-time.Minute)
	token, err := g.oauth.TokenSource(request.Context(), &expired).Token()
	if err != nil {
		return "", nil, err
	}
	if token.AccessToken == g.token.AccessToken {
		return "", nil, errors.New("the old access token")
	}
	g.token = token
	found, err := g.userInfo(request.Context())
	return "", found, err
}

// logOut sends the user to the provider's sign-out, with a hint where it is one of OpenID Connect.
func (g *grafana) logOut(*http.Request) (string, *user, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	destination, err := url.Parse(g.section.Key("signout_redirect_url").String())
	if err != nil {
		return "", nil, err
	}
	query := destination.Query()
	if idToken, ok := g.token.Extra("id_token").(string); ok && query.Has("post_logout_redirect_uri") {
		query.Set("id_token_hint", idToken)
		destination.RawQuery = query.Encode()
	}
	return destination.String(), nil, nil
}

// userInfo reads the ID token, then asks the provider; the first value that is found is used.
func (g *grafana) userInfo(ctx context.Context) (*user, error) {
	idToken, ok := g.token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("no ID token")
	}
	ofToken, err := base64.RawURLEncoding.DecodeString(strings.Split(idToken, ".")[1])
	if err != nil {
		return nil, err
	}
	response, err := g.oauth.Client(ctx, g.token).Get(g.section.Key("api_url").String())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	var claims, ofAPI map[string]any
	if err := errors.Join(json.Unmarshal(ofToken, &claims), json.NewDecoder(response.Body).Decode(&ofAPI)); err != nil {
		return nil, err
	}
	return g.mapped(claims, ofAPI), nil
}

func (g *grafana) mapped(sources ...map[string]any) *user {
	found := &user{}
	for _, source := range sources {
		for setting, member := range map[string]*string{
			"email_attribute_path": &found.Email,
			"login_attribute_path": &found.Login,
			"name_attribute_path":  &found.Name,
			"role_attribute_path":  &found.Role,
		} {
			if value, ok := g.search(setting, source).(string); ok && *member == "" {
				*member = value
			}
		}
		groups, _ := g.search("groups_attribute_path", source).([]any)
		if len(found.Groups) == 0 {
			for _, group := range groups {
				found.Groups = append(found.Groups, fmt.Sprint(group))
			}
		}
	}
	return found
}

// search evaluates the JMESPath of a setting.
func (g *grafana) search(setting string, source map[string]any) any {
	found, err := jmespath.Search(g.section.Key(setting).String(), source)
	if err != nil {
		log.Fatalf("%s: %v", setting, err)
	}
	return found
}
