"""Changing the address that an account is known by."""
