"""Which URIs a client may register (RFC 6749 section 3.1.2). How requests name them: redirect_uris."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from doorward_auth.redirect_uris import LOOPBACK_HOSTS
from doorward_identity.oauth_tables import URI_LENGTH

_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9._~:/?\[\]@!$&'()+,;=-]|%[0-9A-Fa-f]{2})+")
"""RFC 3986 without `#`, which begins a fragment, and `*`, which looks like a pattern and is none."""

_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-\"$-~]+")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_IP_V6: Final = re.compile(r"\[[0-9a-f:]*:[0-9a-f:.]*\]")
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""RFC 8252 section 7.1: the reverse of a domain name, so that two programs never claim the same."""

_DOT: Final = re.compile("%2e", re.IGNORECASE)

_BAD_HOST: Final = "has a host that is not a name in lower case or an address"

_ANSWER_PARAMETERS: Final = frozenset(
    {"code", "state", "iss", "error", "error_description", "error_uri", "id_token", "access_token"}
)
"""Parameters of the answer. A redirect URI must not have them: the client could not tell them apart."""


def check_redirect_uri(uri: str) -> str:
    """Return a URI to which users are sent back; raises ValueError with what is wrong."""
    scheme = _check_syntax(uri)
    if scheme in {"http", "https"}:
        _check_web(uri, scheme)
    elif not _PRIVATE_SCHEME.fullmatch(scheme):
        raise ValueError(
            "has another scheme than https, http on this machine, or one with a dot (com.example.app)"
        )
    taken = {name for name, _ in parse_qsl(_split(uri).query, keep_blank_values=True)} & _ANSWER_PARAMETERS
    if taken:
        raise ValueError(f"has a query parameter that the answer uses: {min(taken)}")
    return uri


def check_web_uri(uri: str) -> str:
    """Return a URI that auth calls: https, or http on this machine; raises ValueError with what is wrong."""
    scheme = _check_syntax(uri)
    if scheme not in {"http", "https"}:
        raise ValueError("is not an https address")
    _check_web(uri, scheme)
    return uri


def is_https(uri: str) -> bool:
    return uri.startswith("https://")


def is_absolute(uri: str) -> bool:
    """Tell whether a text is an absolute URI without a fragment (RFC 3986 section 4.3)."""
    return _ABSOLUTE.fullmatch(uri) is not None


def _check_syntax(uri: str) -> str:
    if len(uri) > URI_LENGTH:
        raise ValueError(f"is longer than {URI_LENGTH} characters")
    if "#" in uri:
        raise ValueError("has a fragment")
    if "*" in uri:
        raise ValueError("has a *: URIs are compared exactly, without patterns")
    if not _CHARACTERS.fullmatch(uri):
        raise ValueError("has a character that URIs do not have (RFC 3986)")
    scheme, separator, rest = uri.partition(":")
    if not separator or not rest:
        raise ValueError("is not an absolute URI such as https://app.example.com/callback")
    return scheme


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError:  # brackets around what is no address
        raise ValueError(_BAD_HOST) from None


def _check_web(uri: str, scheme: str) -> None:
    parts = _split(uri)
    if not uri.startswith(f"{scheme}://") or not parts.netloc:
        raise ValueError("has no host")
    if "@" in parts.netloc:
        raise ValueError("has a user name")
    try:
        is_valid = parts.port is None or parts.port > 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.netloc.endswith(":"):
        raise ValueError("has a port that is no number from 1 to 65535")
    host = re.sub(r":[0-9]+$", "", parts.netloc)
    if not _NAME.fullmatch(host) and not _IP_V6.fullmatch(host):
        raise ValueError(_BAD_HOST)
    if scheme == "http" and host not in LOOPBACK_HOSTS:
        raise ValueError("is http, which is allowed on this machine alone (127.0.0.1, [::1], localhost)")
    # Browsers read %2e as a dot there (URL standard, section 4.1).
    if any(_DOT.sub(".", segment) in {".", ".."} for segment in parts.path.split("/")):
        raise ValueError("has a path with . or .., which browsers rewrite")
