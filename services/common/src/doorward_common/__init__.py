"""What every Doorward service shares, and what a team's own service imports to accept its tokens."""
