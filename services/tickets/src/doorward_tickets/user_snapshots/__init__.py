"""The people beside tickets: a snapshot of what the users service says of them."""
