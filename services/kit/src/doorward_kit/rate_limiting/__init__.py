"""Rate limits for all replicas together: the arithmetic, the keys, the table, the limiter."""
