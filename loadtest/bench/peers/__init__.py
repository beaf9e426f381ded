"""Other servers that log users in, measured next to Doorward: `python -m bench.peers`."""
