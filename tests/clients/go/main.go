// Program clients lets go-oidc and x/oauth2 work with a running Doorward.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var (
	auth     = os.Getenv("DOORWARD_URL") + "/api/v1/auth"
	email    = os.Getenv("DOORWARD_EMAIL")
	password = os.Getenv("DOORWARD_PASSWORD")
)

func main() {
	log.SetFlags(log.Lshortfile)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	useOAuth2(ctx)
	useOIDC(ctx)
	signInAndOut(ctx)
	report("github.com/coreos/go-oidc/v3", "discovery", "code with PKCE, nonce and state", "at_hash", "userinfo",
		"sign-out", "ES256 of jwks.json", "key rotation under way", "forged tokens rejected")
}

func useOAuth2(ctx context.Context) {
	endpoint := oauth2.Endpoint{TokenURL: auth + "/token", AuthStyle: oauth2.AuthStyleInParams}
	config := oauth2.Config{Endpoint: endpoint}
	first := logIn(ctx, config)
	expired := *first
	expired.Expiry = time.Now().Add(-time.Hour)
	source := config.TokenSource(ctx, &expired)
	second, err := source.Token()
	must(err)
	check(second.RefreshToken != first.RefreshToken, "the refresh token was not replaced")

	response, err := oauth2.NewClient(ctx, source).Get(auth + "/me")
	must(err)
	check(response.StatusCode == http.StatusOK, response.Status)
	must(response.Body.Close())

	_, err = config.PasswordCredentialsToken(ctx, email, "wrong")
	check(codeOf(err) == "invalid_grant", codeOf(err))
	_, err = config.PasswordCredentialsToken(ctx, email, "")
	check(codeOf(err) == "invalid_request", codeOf(err))
	_, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: "wrong"}).Token()
	check(codeOf(err) == "invalid_grant", codeOf(err))
	_, err = config.Exchange(ctx, "wrong", oauth2.SetAuthURLParam("grant_type", "urn:example:unknown"))
	check(codeOf(err) == "unsupported_grant_type", codeOf(err))
	report("golang.org/x/oauth2", "password grant", "refresh by itself", "errors")
}

func useOIDC(ctx context.Context) {
	provider, err := oidc.NewProvider(ctx, auth) // it compares the issuer's text
	must(err)
	config := oauth2.Config{Endpoint: provider.Endpoint()}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	keys := oidc.NewRemoteKeySet(ctx, auth+"/jwks.json")
	rules := &oidc.Config{ClientID: "doorward", SupportedSigningAlgs: []string{oidc.ES256}}
	verifier := oidc.NewVerifier(auth, keys, rules)

	old := logIn(ctx, config).AccessToken
	verified, err := verifier.Verify(ctx, old)
	must(err)
	var claims struct {
		Role string `json:"role"`
	}
	must(verified.Claims(&claims))
	check(claims.Role == "admin", claims.Role)

	renewed := rotateKeys(ctx, config)
	_, err = verifier.Verify(ctx, renewed) // a key that the client had not seen
	must(err)
	_, err = verifier.Verify(ctx, old)
	must(err)
	parts := strings.Split(old, ".")
	parts[2] = strings.Split(renewed, ".")[2]
	_, err = verifier.Verify(ctx, strings.Join(parts, "."))
	check(err != nil, "a forged token is accepted")
	other := oidc.NewVerifier(auth, keys, &oidc.Config{ClientID: "another", SupportedSigningAlgs: []string{oidc.ES256}})
	_, err = other.Verify(ctx, old)
	check(err != nil, "a token for another audience is accepted")
}

// signInAndOut is the way of an application's user: code with PKCE, userinfo, refresh, sign-out.
func signInAndOut(ctx context.Context) {
	provider, err := oidc.NewProvider(ctx, auth)
	must(err)
	application := os.Getenv("DOORWARD_APPLICATION")
	config := oauth2.Config{
		ClientID:     os.Getenv("DOORWARD_CLIENT_ID"),
		ClientSecret: os.Getenv("DOORWARD_CLIENT_SECRET"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  application + "/signed-in",
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}
	pkce, state, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	arrived := visit(ctx, config.AuthCodeURL(state, oauth2.S256ChallengeOption(pkce), oidc.Nonce(nonce)))
	check(arrived.Query().Get("state") == state, "another state")
	token, err := config.Exchange(ctx, arrived.Query().Get("code"), oauth2.VerifierOption(pkce))
	must(err)
	raw, _ := token.Extra("id_token").(string)
	verified, err := provider.Verifier(&oidc.Config{ClientID: config.ClientID}).Verify(ctx, raw)
	must(err)
	check(verified.Nonce == nonce, "another nonce")
	must(verified.VerifyAccessToken(token.AccessToken))

	expired := *token
	expired.Expiry = time.Now().Add(-time.Hour)
	renewed, err := config.TokenSource(ctx, &expired).Token()
	must(err)
	profile, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(renewed))
	must(err)
	check(profile.Subject == verified.Subject && profile.Email == email, profile.Email)

	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	must(provider.Claims(&metadata))
	query := url.Values{
		"id_token_hint":            {raw},
		"post_logout_redirect_uri": {application + "/signed-out"},
		"state":                    {"left"},
	}
	left := visit(ctx, metadata.EndSession+"?"+query.Encode())
	check(left.String() == application+"/signed-out?state=left", left.String())
	renewed.Expiry = time.Now().Add(-time.Hour)
	_, err = config.TokenSource(ctx, renewed).Token()
	check(codeOf(err) == "invalid_grant", codeOf(err))
}

// visit lets a person open an address in a browser, and returns where in the application the browser ends.
func visit(ctx context.Context, address string) *url.URL {
	var command []string
	must(json.Unmarshal([]byte(os.Getenv("DOORWARD_VISIT")), &command))
	browser := exec.CommandContext(ctx, command[0], append(command[1:], address)...)
	browser.Stderr = os.Stderr
	printed, err := browser.Output()
	must(err)
	arrived, err := url.Parse(strings.TrimSpace(string(printed)))
	must(err)
	return arrived
}

func logIn(ctx context.Context, config oauth2.Config) *oauth2.Token {
	token, err := config.PasswordCredentialsToken(ctx, email, password)
	must(err)
	return token
}

// rotateKeys lets a new key sign from now on, while the server runs, and returns an access token of it.
func rotateKeys(ctx context.Context, config oauth2.Config) string {
	before := headerOf(logIn(ctx, config).AccessToken)
	var command []string
	must(json.Unmarshal([]byte(os.Getenv("DOORWARD_ROTATE")), &command))
	rotation := exec.CommandContext(ctx, command[0], command[1:]...)
	rotation.Stdout, rotation.Stderr = os.Stderr, os.Stderr
	must(rotation.Run())
	for ctx.Err() == nil {
		if token := logIn(ctx, config).AccessToken; headerOf(token) != before {
			return token
		}
		time.Sleep(100 * time.Millisecond)
	}
	log.Fatal("the new key does not sign")
	return ""
}

// headerOf returns the first part of a token, which names its key.
func headerOf(token string) string {
	header, _, _ := strings.Cut(token, ".")
	return header
}

func codeOf(err error) string {
	var rejected *oauth2.RetrieveError
	if errors.As(err, &rejected) {
		return rejected.ErrorCode
	}
	return fmt.Sprint(err)
}

func report(client string, did ...string) {
	info, _ := debug.ReadBuildInfo()
	version := "unknown"
	for _, module := range info.Deps {
		if module.Path == client {
			version = module.Version
		}
	}
	line, err := json.Marshal(map[string]any{"client": client, "version": version, "did": did})
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		_ = log.Output(2, err.Error())
		os.Exit(1)
	}
}

func check(isRight bool, message string) {
	if !isRight {
		_ = log.Output(2, message)
		os.Exit(1)
	}
}
