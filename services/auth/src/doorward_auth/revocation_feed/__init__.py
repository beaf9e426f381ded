"""The revocation list for services without the identity database."""
