"""Logging in at an upstream's own pages: begun and finished by an API client, with the browser in between."""
