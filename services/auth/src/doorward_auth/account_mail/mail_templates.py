"""The mails that auth sends: their templates, and what each is tried with at the start.

None has a name in it. The reader of a mail cannot know who chose the name: an administrator who invites, or a
stranger who registers the address.
"""

from collections.abc import Sequence
from typing import Final

from doorward_auth.account_mail.template_context import MailTemplateContext, sample_code
from doorward_identity.mail_types import MailName
from doorward_mail.content.quoting import TrustedText
from doorward_mail.content.templates import MailTemplate, Variables

_LINK: Final = TrustedText("https://app.example.com/page")
_LINKS: Final[Sequence[Variables]] = [{"link": _LINK}, {"link": None}]
_PINS: Final[Sequence[Variables]] = [
    {"pin": TrustedText("012345"), "minutes": 10},
    {"pin": sample_code(), "minutes": 24 * 60},
]


def templates(hooks: MailTemplateContext) -> list[MailTemplate]:
    """Return every kind of mail; the files are under templates/."""
    codes = [{"code": sample_code(), **link} for link in _LINKS]
    invitations = [{**code, "days": 7} for code in codes]
    upstreams = [{"provider": TrustedText("theapi"), **link} for link in _LINKS]
    return [
        MailTemplate(MailName.VERIFY_EMAIL.value, codes, hooks.verify_email),
        MailTemplate(MailName.ALREADY_REGISTERED.value, _LINKS, hooks.plain),
        MailTemplate(MailName.INVITATION.value, invitations, hooks.invitation),
        MailTemplate(MailName.INVITATION_EXPIRED.value, _LINKS, hooks.plain),
        MailTemplate(MailName.PASSWORD_RESET.value, _PINS, hooks.password_reset),
        MailTemplate(MailName.PASSWORD_CHANGED.value, _LINKS, hooks.plain),
        MailTemplate(MailName.EMAIL_CHANGE.value, _PINS, hooks.email_change),
        MailTemplate(MailName.EMAIL_CHANGED.value, _LINKS, hooks.plain),
        MailTemplate(MailName.EMAIL_REPLACED.value, _LINKS, hooks.plain),
        MailTemplate(MailName.PASSWORD_SET.value, _LINKS, hooks.plain),
        MailTemplate(MailName.EMAIL_SET.value, _LINKS, hooks.plain),
        MailTemplate(MailName.EMAIL_PROOF.value, _PINS, hooks.email_proof),
        MailTemplate(MailName.UPSTREAM_LINKED.value, upstreams, hooks.about_upstream),
        MailTemplate(MailName.UPSTREAM_REAUTH.value, upstreams, hooks.about_upstream),
    ]
