"""A test of a running installation, at any address: `python -m e2e`, or `make e2e`.

Each printed line names a check that passed. The suite uses only the API of the installation. It creates
its own users and removes them at the end.
"""
