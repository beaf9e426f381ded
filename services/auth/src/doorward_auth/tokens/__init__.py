"""Logging in and staying in: access tokens and the refresh tokens that renew them."""
