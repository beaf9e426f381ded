"""Back-channel logout: clients are notified of ended sessions (OpenID Connect Back-Channel Logout 1.0).

The row of a session is its own outbox. Code that ends a session, in any service, writes `ended_at` alone, and
every auth process polls for ended sessions whose client has a logout endpoint. The sessions of a deleted user
are deleted, too: the users service leaves a row of another table for each client. One process leases a row
and notifies the client, up to three times.
"""
