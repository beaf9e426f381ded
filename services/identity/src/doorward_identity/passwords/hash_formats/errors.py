"""What is wrong with a stored hash."""


class CorruptHashError(ValueError):
    """A text that is no hash to verify; `reason` is a word for the log and never quotes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
