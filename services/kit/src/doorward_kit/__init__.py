"""What the Doorward services are built from: application frame, database, HTTP conventions, metrics."""
