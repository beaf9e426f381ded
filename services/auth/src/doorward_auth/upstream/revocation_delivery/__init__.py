"""Revoking the tokens of the outbox at upstreams, in the background of every replica."""
