"""Logging in and registering at an upstream that takes the password from us."""
