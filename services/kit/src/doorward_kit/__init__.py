"""Shared code of the Doorward services: composition, database, HTTP conventions, metrics."""
