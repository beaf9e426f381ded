"""The revocation revoked access tokens, for verifiers without access to the identity database."""
