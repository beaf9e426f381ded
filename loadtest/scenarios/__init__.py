"""The users that locust runs, and the lifecycle of a run."""
