"""Requests to upstreams, and their answers."""
