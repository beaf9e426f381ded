"""The code that oidc and oauth2 upstreams share."""
