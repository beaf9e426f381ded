"""The mails that auth sends: their templates, and what each is tried with at the start."""

from typing import Final

from doorward_auth.account_mail.template_context import MailTemplateContext, sample_code
from doorward_identity.mail_types import MailName
from doorward_mail.templates import MailTemplate

_NAME: Final = {"name": "Ada Lovelace"}


def templates(hooks: MailTemplateContext) -> list[MailTemplate]:
    """Return every kind of mail; the files are under templates/."""
    link = "https://app.example.com/page"
    code = {"code": sample_code(), "link": link}
    return [
        # Without a name: a stranger who registers the address would choose what its owner reads.
        MailTemplate(MailName.VERIFY_EMAIL.value, code, hooks.verify_email),
        MailTemplate(MailName.ALREADY_REGISTERED.value, {**_NAME, "link": link}, hooks.plain),
        MailTemplate(MailName.INVITATION.value, {**_NAME, **code, "days": 7}, hooks.invitation),
        MailTemplate(MailName.INVITATION_EXPIRED.value, {**_NAME, "link": link}, hooks.plain),
        MailTemplate(MailName.PASSWORD_RESET.value, {"pin": "012345", "minutes": 10}, hooks.password_reset),
        MailTemplate(MailName.PASSWORD_CHANGED.value, {**_NAME, "link": link}, hooks.plain),
        MailTemplate(MailName.EMAIL_CHANGE.value, {"pin": "012345", "minutes": 10}, hooks.email_change),
        MailTemplate(MailName.EMAIL_CHANGED.value, {**_NAME, "link": link}, hooks.plain),
        MailTemplate(MailName.PASSWORD_SET.value, {**_NAME, "link": link}, hooks.plain),
        MailTemplate(MailName.EMAIL_SET.value, {**_NAME, "link": link}, hooks.plain),
        MailTemplate(MailName.EMAIL_PROOF.value, {"pin": "012345", "minutes": 10}, hooks.email_proof),
    ]
