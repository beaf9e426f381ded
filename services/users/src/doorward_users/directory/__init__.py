"""The directory: accounts that administrators manage and members read."""
