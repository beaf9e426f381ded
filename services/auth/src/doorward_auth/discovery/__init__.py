"""Public metadata: the keys that verify access tokens, and the URLs of the endpoints."""
