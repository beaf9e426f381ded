"""Sessions: opening, rotating, listing and ending them."""
