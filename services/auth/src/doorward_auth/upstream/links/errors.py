"""Errors of links."""

from doorward_client.errors import DoorwardError, NotFoundError


class NotLinkedError(NotFoundError):
    """404: the user has no account at the upstream, or no live session with it."""

    code = "upstream_not_linked"
    detail = "This user has not logged in at the upstream, or every such session has ended."


class RecentLoginRequiredError(DoorwardError):
    """403: a link is a way in for ever, and a stolen access token lives for minutes."""

    status = 403
    code = "recent_login_required"
    detail = (
        'Log in again (at an upstream\'s pages with `"prompt": "login"`), or prove your password with'
        " POST /api/v1/auth/step-up, within ten minutes before."
    )


class ClientNotPermittedError(DoorwardError):
    """403: the upstream's `token_readers` do not name the service client."""

    status = 403
    code = "client_not_permitted"
    detail = "This client may not read users' tokens of this upstream."


class OnlySignInError(DoorwardError):
    """409: without the link the user could not log in any more."""

    status = 409
    code = "only_sign_in"
    detail = "This is the account's only way to log in. Set a password first, or link another upstream."
