"""Codes that prove to read somebody's mail."""
