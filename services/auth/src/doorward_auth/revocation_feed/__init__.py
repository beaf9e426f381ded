"""The list of revoked tokens, for services that have no part in the identity database."""
