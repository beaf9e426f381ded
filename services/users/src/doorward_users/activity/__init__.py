"""What happened to one's own account."""
