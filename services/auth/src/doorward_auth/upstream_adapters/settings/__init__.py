"""The settings of an upstream."""
