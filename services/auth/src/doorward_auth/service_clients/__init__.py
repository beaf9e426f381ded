"""Registered service clients: other services that ask auth about tokens."""
