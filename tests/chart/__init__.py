"""Checks of charts/doorward without a cluster: `make chart-check`."""
