"""What OpenID providers add to OAuth 2.0: discovery, keys, id tokens."""
