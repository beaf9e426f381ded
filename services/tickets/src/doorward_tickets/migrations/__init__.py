"""Alembic's folder: one file a revision, numbered in a row, each safe to run twice."""
