"""Benchmarks: ratios within one run on a real MariaDB, each with an A/A control."""
