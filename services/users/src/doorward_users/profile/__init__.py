"""People's own profiles."""
