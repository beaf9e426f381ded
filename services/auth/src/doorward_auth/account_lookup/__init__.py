"""What registered services may ask about accounts: who was deleted, and whose an id is."""
