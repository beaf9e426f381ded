"""Groups of users: names that tokens carry to applications. They give no permission here."""
