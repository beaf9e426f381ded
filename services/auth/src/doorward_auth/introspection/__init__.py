"""What OAuth2 lets registered services ask of tokens: whether one counts, and that it should not."""
