"""Service clients: other services that authenticate with an id and a secret."""
