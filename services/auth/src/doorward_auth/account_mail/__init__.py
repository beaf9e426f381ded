"""The mails that auth sends, and what became of them."""
