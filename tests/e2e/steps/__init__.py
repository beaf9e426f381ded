"""The steps of the walk, each a function that takes it one way further."""
