"""Tokens of upstreams: stored encrypted, refreshed by one request at a time, and in the background."""
