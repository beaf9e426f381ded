"""Registered clients (RFC 6749 section 2): applications that users sign in to, and machines."""
