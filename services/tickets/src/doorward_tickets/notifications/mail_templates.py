"""The mails that tickets sends: their templates, and what each is tried with at the start."""

from typing import Any, Final

from doorward_mail.templates import MailTemplate
from doorward_tickets.notifications.notification_types import NotificationType
from doorward_tickets.notifications.template_context import NotificationTemplateContext

_SHARED: Final = {
    "name": "Ada Lovelace",
    "ticket": "The printer is on fire",
    "link": "https://app.example.com/tickets/0195f3b2-7c1e-7d4a-9b62-3f1e5a8c7d90",
}
_SAMPLES: Final[dict[NotificationType, dict[str, Any]]] = {
    NotificationType.REPLIED: {"count": 2, "writer": "Grace Hopper"},
    NotificationType.CLOSED: {},
    NotificationType.ASSIGNED: {},
    NotificationType.TAKEN: {"assignee": "Grace Hopper"},
}


def templates(hooks: NotificationTemplateContext) -> list[MailTemplate]:
    """Return every kind of mail; the files are under templates/."""
    return [
        MailTemplate(kind.value, {**_SHARED, **_SAMPLES[kind]}, hooks.prepare) for kind in NotificationType
    ]
