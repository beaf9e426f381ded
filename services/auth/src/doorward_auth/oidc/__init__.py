"""OpenID Connect: registered clients, and what auth issues to them."""
