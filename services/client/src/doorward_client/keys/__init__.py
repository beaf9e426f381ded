"""Keys of access tokens: what a good secret is, key sets, and the ring that follows their changes."""
