"""What upstreams issued: stored encrypted, refreshed by one request at a time, and in the background."""
