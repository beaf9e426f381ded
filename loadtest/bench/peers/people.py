"""The people that every peer stores: names, and addresses to log in with."""

from typing import Final

PASSWORD: Final = "correct horse battery staple"
WITH_PASSWORD: Final = 256
"""Users, the first ones, that have the password: so many that none meets Doorward's limit of codes."""

_FIRST_NAMES: Final = (
    "Ada",
    "Alan",
    "Barbara",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "John",
    "Ken",
    "Margaret",
)


def email_of(number: int) -> str:
    return f"person-{number:07}@example.com"


def names_of(number: int) -> tuple[str, str]:
    """Return the first and the last name."""
    return _FIRST_NAMES[number % len(_FIRST_NAMES)], f"Example {number:07}"
