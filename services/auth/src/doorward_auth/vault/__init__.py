"""Encryption at rest of what upstreams issue: the keys, and sealing and opening a value."""
