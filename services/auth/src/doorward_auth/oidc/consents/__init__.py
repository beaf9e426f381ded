"""Consents: what users allowed clients. Asked for once, and again only for more."""
