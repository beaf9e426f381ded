"""A real browser, with every service behind it. A package, so that its servers stop after its last test."""
