"""Pictures of users: decoded within bounds, encoded again, stored, and deleted when no user has them."""
