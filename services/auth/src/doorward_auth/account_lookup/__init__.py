"""Accounts for service clients: users by id, and the feed of deleted users."""
