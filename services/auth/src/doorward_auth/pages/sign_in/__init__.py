"""Signing in with a browser, and signing out."""
