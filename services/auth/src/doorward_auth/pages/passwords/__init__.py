"""A forgotten password, with a browser."""
