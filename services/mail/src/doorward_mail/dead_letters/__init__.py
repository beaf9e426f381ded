"""Mails that could not be sent: their queries, and what every service offers administrators for them."""

from doorward_mail.dead_letters.repository import (
    DeadMail,
    discard,
    list_dead,
    position_of,
    resend,
    sweep,
)

__all__ = ["DeadMail", "discard", "list_dead", "position_of", "resend", "sweep"]
