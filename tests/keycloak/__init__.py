"""Tests with a real Keycloak: `make keycloak-test`."""
