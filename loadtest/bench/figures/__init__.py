"""One module a figure: each returns what it measured, and asserts nothing."""
