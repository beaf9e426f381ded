"""Signing in at an upstream's own pages, with a button on the login page."""
