"""What people do: one file a kind of person. They run in locust, and nothing else may import them."""
