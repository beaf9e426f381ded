"""The mails that tickets sends: their templates, and what each is tried with at the start.

None greets its reader by name: an account's name may be another person's choice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from doorward_mail.quoting import TrustedText
from doorward_mail.templates import MailTemplate
from doorward_tickets.notifications.repository import NotificationType
from doorward_tickets.notifications.template_context import NotificationTemplateContext

_LINK: Final = TrustedText("https://app.example.com/tickets/0195f3b2-7c1e-7d4a-9b62-3f1e5a8c7d90")
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
            [{**sample, "ticket": _TICKET, "link": link} for sample in samples for link in (_LINK, None)],
            context.prepare,
        )
        for name, samples in _SAMPLES.items()
    ]
