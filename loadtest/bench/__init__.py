"""Doorward measured: ratios within one run on a real MariaDB, each beside its A/A control."""
