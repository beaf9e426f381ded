"""Becoming a user: by registering, or by invitation."""
