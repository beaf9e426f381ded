"""Where a visitor goes after a sign-in: a path of this installation, which travels in the URL.

So no state is stored before a sign-in, no page expires, and tabs do not disturb each other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qs, urlencode, urlsplit

FIELD: Final = "continue"
MAX_LENGTH: Final = 8192
MAX_COOKIE_LENGTH: Final = 2_900
"""Length of a target in a cookie, which has 4 KB in all."""

HOME: Final = "/auth/account"
_OF_ENDPOINTS: Final = ("/api/v1/auth/authorize?", "/api/v1/auth/end-session?")
_PAGE: Final = re.compile(r"/auth/[a-z-]+(/[a-z-]+)*(\?[!-~]*)?")
_VISIBLE: Final = re.compile(r"[!-\[\]-~]+")
"""ASCII without spaces and backslash, which some browsers read as a slash."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """An allowed target, or none."""

    target: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read a target; any other text is none, so that no page redirects to another site."""
        if not text or len(text) > MAX_LENGTH or not _VISIBLE.fullmatch(text):
            return cls()
        return cls(text) if text.startswith(_OF_ENDPOINTS) or _PAGE.fullmatch(text) else cls()

    @property
    def leads_to_client(self) -> bool:
        """Whether an endpoint follows that may redirect to another site."""
        return self.target is not None and self.target.startswith(_OF_ENDPOINTS)

    def parameter(self, name: str) -> str:
        """Return a parameter of the authorization request, empty if it is absent."""
        if not self.leads_to_client:
            return ""
        return parse_qs(urlsplit(self.target or "").query).get(name, [""])[0]

    @property
    def needs_fresh_login(self) -> bool:
        """Whether the request limits the age of a login (OpenID Connect Core section 3.1.2.1)."""
        return "login" in self.parameter("prompt").split() or self.parameter("max_age") != ""

    def fields(self) -> Mapping[str, str]:
        """Return the hidden field of a form."""
        return {} if self.target is None else {FIELD: self.target}

    def for_cookie(self) -> str | None:
        """Return the target for a cookie; None for a longer one, which ends at the account."""
        return None if self.target is None or len(self.target) > MAX_COOKIE_LENGTH else self.target

    def link(self, path: str) -> str:
        """Return a URL of another page that goes on to the same target."""
        return f"{path}?{urlencode(self.fields())}" if self.target else path
