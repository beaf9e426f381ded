"""The protocols that upstreams speak, one module each."""
