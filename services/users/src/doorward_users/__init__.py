"""The users service: the directory, roles, and the caller's own profile."""
