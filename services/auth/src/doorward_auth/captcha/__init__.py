"""A challenge by somebody else's service, for those who ask for what robots like: off unless configured."""
