"""Keys of access tokens: strength of secrets, key sets, and the store that follows their changes."""
