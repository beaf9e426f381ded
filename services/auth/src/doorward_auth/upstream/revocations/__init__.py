"""The outbox of tokens to revoke at upstreams: storing, sealing and leasing its rows."""
