"""What strangers may know: public keys, and where the endpoints are."""
