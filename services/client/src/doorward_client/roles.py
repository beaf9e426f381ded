"""What an account may do."""

from enum import StrEnum


class Role(StrEnum):
    """Everybody signed in reads; administrators also create, update and delete."""

    ADMIN = "admin"
    USER = "user"
