"""The outbox of tokens to revoke at upstreams: storing, sealing, leasing and delivering its rows."""
