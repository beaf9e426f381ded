"""Where a request comes from."""

from dataclasses import dataclass, field
from typing import Final

from doorward_auth.refresh_cookies.cookies import RefreshCookie

USER_AGENT_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class RequestSource:
    """Where a login comes from, for the user to recognise it, and the cookie that its page asks for.

    `browser` is the secret of the browser's own cookie, at our pages; None at the API.
    """

    user_agent: str
    ip_address: str
    cookie: RefreshCookie | None = None
    browser: str | None = field(default=None, repr=False)
