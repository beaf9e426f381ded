"""Pictures of users: who may set, see and delete them."""
