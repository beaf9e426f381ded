"""How many bytes of text each user stores in tickets and replies."""
