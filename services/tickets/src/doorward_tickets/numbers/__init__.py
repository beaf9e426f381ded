"""Numbers of tickets, which people can say aloud."""
