"""The directory: accounts as administrators manage them and members read them."""
