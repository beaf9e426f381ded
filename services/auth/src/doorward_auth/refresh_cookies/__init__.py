"""Refresh tokens in cookies, for pages of browsers."""
