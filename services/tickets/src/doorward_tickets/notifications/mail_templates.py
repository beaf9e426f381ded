"""The mails that tickets sends: their templates, and what each is tried with at the start.

None greets its reader by name: an account's name may be another person's choice. All mails about a ticket
have one subject, because mail programs begin a new conversation with another one.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from doorward_mail.content.quoting import TrustedText
from doorward_mail.content.templates import MailTemplate, Variables
from doorward_tickets.notifications.repository import NotificationType
from doorward_tickets.notifications.template_context import NotificationTemplateContext

_LINK: Final = TrustedText("https://app.example.com/tickets/0195f3b2-7c1e-7d4a-9b62-3f1e5a8c7d90")
_CONVERSATIONS: Final = uuid.UUID("6e1c2d5a-0f0b-4d3c-9a57-2b6f8f1f7c10")
"""The namespace of their names (RFC 9562 section 5.5)."""

_PARAMETERS: Final = {
    "ticket_id": "0195f3b27c1e7d4a9b623f1e5a8c7d90",
    "user_id": "0195f3b27c1e7d4a9b623f1e5a8c7d91",
}
_NUMBER: Final = 1042
_TICKET: Final = "The printer is on fire"
_NAME: Final = "Grace Hopper"
_SAMPLES: Final[Mapping[NotificationType, Sequence[Mapping[str, Any]]]] = {
    NotificationType.REPLIED: [{"count": 1, "writer": _NAME}, {"count": 2, "writer": None}],
    NotificationType.CLOSED: [{}],
    NotificationType.ASSIGNED: [{}],
    NotificationType.TAKEN: [{"assignee": _NAME}, {"assignee": None}],
}


def templates(context: NotificationTemplateContext) -> list[MailTemplate]:
    """Return every type of mail; the files are under templates/."""
    return [
        MailTemplate(
            name.value,
            [
                {**_PARAMETERS, **sample, "number": _NUMBER, "ticket": _TICKET, "link": link}
                for sample in samples
                for link in (_LINK, None)
            ],
            context.prepare,
            conversation_of,
        )
        for name, samples in _SAMPLES.items()
    ]


def conversation_of(parameters: Variables) -> str:
    """Return the name of the conversation about a ticket with a recipient, without their ids."""
    return str(uuid.uuid5(_CONVERSATIONS, f"{parameters['ticket_id']} {parameters['user_id']}"))
