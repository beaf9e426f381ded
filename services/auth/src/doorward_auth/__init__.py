"""The auth service: verifies passwords, opens and ends sessions, signs access tokens."""
