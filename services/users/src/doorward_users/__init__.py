"""The users service: the directory of people, their roles, and their own profiles."""
