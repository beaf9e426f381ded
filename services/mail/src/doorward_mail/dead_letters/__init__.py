"""Dead letters: mails that could not be sent, which administrators list, retry or discard."""
