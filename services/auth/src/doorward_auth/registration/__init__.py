"""Becoming a user: by registration, or by invitation."""
