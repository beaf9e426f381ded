"""The user's steps for an authorization request since it first came, sealed in its URL.

`prompt=login` must lead to a login once, and not again when the browser comes back from it. No stored state
says that it has been there: the URL carries a fingerprint of the browser session that was there at first, and
when that was. Every sign-in gives a session a new secret, so that another fingerprint and a later proof tell
of a sign-in in between. Neither is enough alone: clocks differ, and a URL can be carried to another browser.

The seal covers the rest of the query: it fits no other request. It holds as long as its key, because no page
expires. The sign-in is accepted for an hour, because many sign-ins for other requests follow an old URL.

A choice is valid in the browser session that made it: a URL from the history skips no page in another one.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc.authorization.query import INTERACTION, Query
from doorward_client import base64url

SIGN_IN_SECONDS: Final = 3_600
"""How long a sign-in counts as one for the request."""

CLOCK_SECONDS: Final = 60
"""By which the clocks of two replicas may differ."""

_FORM: Final = re.compile(
    r"([0-9]{1,12})\.([A-Za-z0-9_-]{22}|none)\.([A-Za-z0-9_-]{22}|none)\.([a-z]{0,3})\.([A-Za-z0-9_-]{43})"
)
_FINGERPRINT_BYTES: Final = 16
_NO_SESSION: Final = "none"


class UserChoice(StrEnum):
    """The choices of a user on a page, each with its letter in the URL."""

    ACCOUNT_CONFIRMED = "a"
    """Kept the account that is signed in, where the request asked for a choice."""
    CONSENT_GIVEN = "c"
    """Allowed the client what it asked for."""
    CONSENT_DENIED = "d"


@dataclass(frozen=True, slots=True)
class Interaction:
    """The events between the start of one request and its answer.

    Fingerprints are of browser sessions: `initial_fingerprint` of the one at the start, `choice_fingerprint`
    of the one that made the choices.
    """

    started_at: int
    initial_fingerprint: str
    choice_fingerprint: str = _NO_SESSION
    choices: frozenset[UserChoice] = frozenset()

    def with_choice(self, choice: UserChoice, token: BrowserSessionToken | None) -> "Interaction":
        """Return it with one more choice of the session with this cookie, and none of another session."""
        return replace(
            self, choice_fingerprint=_fingerprint(token), choices=self.choices_of(token) | {choice}
        )

    def choices_of(self, token: BrowserSessionToken | None) -> frozenset[UserChoice]:
        """Return what the user has chosen in the session with this cookie."""
        return self.choices if _fingerprint(token) == self.choice_fingerprint else frozenset()

    def is_followed_by(self, moment: datetime, token: BrowserSessionToken, now: datetime) -> bool:
        """Tell whether the current session's sign-in or proof, which was at this moment, came since."""
        is_later = moment.timestamp() + CLOCK_SECONDS >= self.started_at
        is_recent = (now - moment).total_seconds() <= SIGN_IN_SECONDS
        return is_later and is_recent and fingerprint(token) != self.initial_fingerprint


def begin(token: BrowserSessionToken | None, now: int) -> Interaction:
    """Return the interaction of a request that has just come, with this cookie."""
    return Interaction(now, _fingerprint(token))


def fingerprint(token: BrowserSessionToken) -> str:
    """Return a text that tells a session's secrets apart and does not reveal them."""
    digest = hashlib.sha256(b"doorward interaction" + token.hash()).digest()
    return base64url.encode(digest[:_FINGERPRINT_BYTES])


def seal(interaction: Interaction, query: Query, secrets: Sequence[bytes]) -> Query:
    """Return the query of a request with its interaction."""
    text = _text(interaction)
    return query.with_value(INTERACTION, f"{text}.{_seal(text, query, secrets[0])}")


def read(query: Query, secrets: Sequence[bytes], now: int) -> Interaction | None:
    """Return the interaction of a query; None without one, or with one that we did not seal."""
    form = _FORM.fullmatch(query.get(INTERACTION) or "")
    if form is None:
        return None
    text = ".".join(form.group(1, 2, 3, 4))
    valid = [hmac.compare_digest(_seal(text, query, secret), form[5]) for secret in secrets]
    started_at = int(form[1])
    if not any(valid) or started_at > now + CLOCK_SECONDS:
        return None
    return Interaction(started_at, form[2], form[3], frozenset(map(UserChoice, form[4])))


def _text(interaction: Interaction) -> str:
    choices = "".join(sorted(interaction.choices))
    fingerprints = f"{interaction.initial_fingerprint}.{interaction.choice_fingerprint}"
    return f"{interaction.started_at}.{fingerprints}.{choices}"


def _fingerprint(token: BrowserSessionToken | None) -> str:
    return _NO_SESSION if token is None else fingerprint(token)


def _seal(text: str, query: Query, secret: bytes) -> str:
    key = hmac.digest(secret, b"doorward authorization interaction", "sha256")
    rest = str(query.without(INTERACTION))
    return base64url.encode(hmac.digest(key, f"{text}\n{rest}".encode(), "sha256"))
