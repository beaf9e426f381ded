"""Codes that are mailed to prove that a user reads an address."""
