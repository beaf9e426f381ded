"""Limits on guessing and mail: what is limited (`limits`), how (`algorithms`), and the limiter."""
