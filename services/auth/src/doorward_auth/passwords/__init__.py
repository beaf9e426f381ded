"""Changing a password, and choosing a new one when it is forgotten."""
