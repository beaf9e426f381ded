"""The caller's own profile and its security events."""
