"""Load on a running installation: test accounts, sessions, thresholds, and the runner for locust.

Nothing here imports locust, because locust patches the standard library; `scenarios` imports it.
"""
