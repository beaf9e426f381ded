"""A test of a running installation, at any address: `python -m e2e`, or `make e2e`.

It is a regression test and a tour: every line that it prints says what was just proven. It knows the
installation by its API alone, makes people of its own and removes them again.
"""
