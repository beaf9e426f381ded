"""A user's own account: sessions, applications, sign out."""
