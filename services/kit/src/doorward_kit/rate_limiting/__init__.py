"""Rate limits for all replicas together: the limits, the table, the limiter."""
