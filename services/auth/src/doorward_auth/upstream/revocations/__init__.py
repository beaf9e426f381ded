"""The outbox of tokens to revoke at upstreams: storing, leasing and sealing its rows."""
