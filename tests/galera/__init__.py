"""A real Galera cluster of three nodes, and what Doorward promises on it."""
