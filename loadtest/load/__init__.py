"""Load on a running installation: people, sessions, limits, and the runner around locust.

Nothing here imports locust, which patches the standard library: that is left to `scenarios`.
"""
