"""A user's links to upstreams: listing, linking, unlinking, and fresh access tokens."""
