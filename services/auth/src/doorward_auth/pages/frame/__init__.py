"""The code that all pages share."""
