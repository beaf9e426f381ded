"""Token introspection and revocation for service clients (RFC 7662, RFC 7009)."""
