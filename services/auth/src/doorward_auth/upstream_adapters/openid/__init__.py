"""The additions of OpenID Connect to OAuth 2.0: discovery, keys, id tokens."""
