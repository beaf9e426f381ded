"""Tickets: lists and search, create, update and close, and who may do what."""
