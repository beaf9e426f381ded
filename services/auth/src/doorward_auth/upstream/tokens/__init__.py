"""The endpoint by which a login at an upstream ends: tokens for a password, or for a one-time code."""
