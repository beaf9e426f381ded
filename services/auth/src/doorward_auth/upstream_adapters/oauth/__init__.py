"""What oidc and oauth2 upstreams share."""
