"""What an operator writes about an upstream."""
