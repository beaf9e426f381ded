"""Becoming a user with a browser."""
