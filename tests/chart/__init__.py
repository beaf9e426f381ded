"""What `make chart-check` does with charts/doorward, without a cluster."""
