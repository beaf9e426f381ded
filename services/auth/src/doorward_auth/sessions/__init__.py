"""Sessions: what a login opens and a logout ends."""
