"""Classifies the errors that an upstream's redirect brings instead of a code (RFC 6749 section 4.1.2.1)."""

import re
from collections.abc import Mapping
from typing import Final

import structlog

from doorward_auth.upstream.errors import UpstreamFailedError, UpstreamMisconfiguredError

log = structlog.get_logger(__name__)

_UNAVAILABLE: Final = "temporarily_unavailable"
_DENIED: Final[Mapping[str, str]] = {"error": "access_denied"}
_MISCONFIGURED: Final[Mapping[str, str]] = {
    "error": _UNAVAILABLE,
    "error_description": UpstreamMisconfiguredError.code,
}
_FAILED: Final[Mapping[str, str]] = {"error": _UNAVAILABLE, "error_description": UpstreamFailedError.code}
_PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    "server_error": _FAILED,
    _UNAVAILABLE: _FAILED,
    # RFC 6749, RFC 8707, and GitHub's names.
    "application_suspended": _MISCONFIGURED,
    "invalid_request": _MISCONFIGURED,
    "invalid_scope": _MISCONFIGURED,
    "invalid_target": _MISCONFIGURED,
    "redirect_uri_mismatch": _MISCONFIGURED,
    "unauthorized_client": _MISCONFIGURED,
    "unsupported_response_type": _MISCONFIGURED,
}
"""Parameters by error. Any other error says that the user may not or will not log in."""

_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def parameters_of(provider: str, error: str | None) -> Mapping[str, str]:
    """Log an error, and return the parameters for the client. None is a redirect without error and code.

    The browser sends the error, so the log has only text in the form of a code.
    """
    parameters = _PARAMETERS.get(error or "", _DENIED)
    known = error if error is not None and _CODE.fullmatch(error) else None
    write = log.info if parameters is _DENIED else log.warning
    write("upstream.login_rejected", provider=provider, error=known)
    return parameters
