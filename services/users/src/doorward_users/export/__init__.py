"""The export of the directory."""
