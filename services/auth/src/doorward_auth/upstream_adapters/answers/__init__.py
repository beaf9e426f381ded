"""Values in the answers of upstreams."""
