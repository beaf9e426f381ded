"""Descriptions of scopes for users."""

from collections.abc import Sequence
from typing import Final

from doorward_ui.texts import Texts

_FIRST: Final = ("openid", "profile", "email", "groups", "offline_access")


def _place(scope: str) -> int:
    return _FIRST.index(scope) if scope in _FIRST else len(_FIRST)


def scope_texts(scopes: Sequence[str], texts: Texts) -> list[str]:
    """Return one sentence for each scope, those of OpenID first; a scope of the application's own is named.

    Without scopes the application still learns who the user is: that is the one sentence then.
    """
    if not scopes:
        return [texts("scope.none")]
    return [
        texts(key) if texts.has(key := f"scope.{scope}") else texts("scope.other", scope=scope)
        for scope in sorted(scopes, key=_place)
    ]
