"""Refusals about mail."""

from doorward_client.errors import NotFoundError


class MailNotFoundError(NotFoundError):
    """404 for a mail that is no dead letter: unknown, sent, or on its way again."""

    code = "mail_not_found"
    detail = "There is no such dead letter."
