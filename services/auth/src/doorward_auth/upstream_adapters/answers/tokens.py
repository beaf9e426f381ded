"""Tokens in an upstream's answer."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import structlog

from doorward_auth.upstream_adapters.answers import values
from doorward_auth.upstream_adapters.answers.values import UnusableValueError
from doorward_auth.upstream_adapters.base import (
    MalformedAnswerError,
    UnusedTokens,
    UpstreamTokens,
)
from doorward_auth.upstream_adapters.http.messages import Answer
from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.settings.provider import TokenPointers

log = structlog.get_logger(__name__)
T = TypeVar("T")

_MAX_SCOPE_LENGTH: Final = 1000


class _Members:
    """Reads the members of an answer, and notes the names of those that cannot be used."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self.unusable: list[str] = []

    def read(
        self, name: str, pointer: JsonPointer | None, reader: Callable[[Any, JsonPointer | None], T | None]
    ) -> T | None:
        try:
            return reader(self._document, pointer)
        except UnusableValueError:
            self.unusable.append(name)
            return None


def read_tokens(
    answer: Answer, document: Any, pointers: TokenPointers, *, provider: str, is_refresh: bool = False
) -> UpstreamTokens:
    """Read the tokens of an answer; raises MalformedAnswerError if any member is unusable.

    Its `unused` are the tokens that can be used.
    A refresh token that was sent may be used up. So a refresh keeps what did come, if that is an access token
    or a new refresh token: members that are unusable count as missing.
    """
    members = _Members(document)
    access_token = members.read("access_token", pointers.access_token, values.optional_token)
    refresh_token = members.read("refresh_token", pointers.refresh_token, values.optional_token)
    id_token = members.read("id_token", pointers.id_token, values.optional_token)
    expires_in = members.read("expires_in", pointers.expires_in, values.lifetime)
    refresh_expires_in = members.read(
        "refresh_expires_in", pointers.refresh_expires_in, values.refresh_lifetime
    )
    is_enough = access_token is not None or (is_refresh and refresh_token is not None)
    if not is_enough or (members.unusable and not is_refresh):
        error = answer.error(MalformedAnswerError)
        if access_token or refresh_token:
            error.unused = UnusedTokens(UpstreamTokens(access_token or "", refresh_token))
        raise error
    if members.unusable:
        log.warning("upstream.unusable_members", provider=provider, members=members.unusable)
    return UpstreamTokens(
        access_token=access_token or "",
        refresh_token=refresh_token,
        id_token=id_token,
        expires_in=expires_in or values.lifetime_of_jwt(access_token or ""),
        refresh_expires_in=refresh_expires_in,
        scope=values.optional_text(document, pointers.scope, most=_MAX_SCOPE_LENGTH) or "",
    )
