"""The steps of the context, each a function that takes it one way further."""
