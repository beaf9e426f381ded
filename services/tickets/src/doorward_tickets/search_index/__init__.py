"""Indexes stored tickets again when a release finds other words in a text."""
