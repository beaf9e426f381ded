"""Limits on guessing and on asking for mail, shared by all replicas."""
