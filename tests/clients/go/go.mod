module doorward.example/clients

go 1.26.0

require (
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/jmespath-community/go-jmespath v1.1.1
	golang.org/x/oauth2 v0.38.0
	gopkg.in/ini.v1 v1.68.0
)

require (
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	golang.org/x/exp v0.0.0-20230314191032-db074128a8ec // indirect
)
