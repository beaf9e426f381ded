"""Limits on guessing and mail: what is limited (`limits`), and the error (`limiter`)."""
