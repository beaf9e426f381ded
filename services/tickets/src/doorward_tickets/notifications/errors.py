"""Refusals of mail about tickets."""

from doorward_client.errors import DoorwardError


class MailSupersededError(DoorwardError):
    """409: a dead letter is not sent again where a newer mail tells its reader all that it would."""

    status = 409
    code = "mail_superseded"
    detail = (
        "A newer mail tells all that this one would have told, so it would not be sent. Throw it away; if the"
        " newer one is a dead letter too, send that one again."
    )
