"""Classifies the errors that an upstream's redirect brings instead of a code (RFC 6749 section 4.1.2.1)."""

import re
from collections.abc import Mapping
from typing import Final

import structlog

from doorward_auth.upstream.errors import UpstreamFailedError, UpstreamMisconfiguredError
from doorward_auth.upstream.grants.metrics import RequestOutcome, UpstreamMetrics

log = structlog.get_logger(__name__)

_UNAVAILABLE: Final = "temporarily_unavailable"
_PARAMETERS: Final[Mapping[RequestOutcome, Mapping[str, str]]] = {
    RequestOutcome.REJECTED: {"error": "access_denied"},
    RequestOutcome.FAILED: {"error": _UNAVAILABLE, "error_description": UpstreamFailedError.code},
    RequestOutcome.MISCONFIGURED: {
        "error": _UNAVAILABLE,
        "error_description": UpstreamMisconfiguredError.code,
    },
}

_FAILURES: Final = frozenset({"server_error", _UNAVAILABLE})
_OUR_REQUEST: Final = re.compile(
    r"(invalid|unauthorized|unsupported)_[a-z_]+|[a-z_]+_(mismatch|not_supported)|application_suspended"
)
"""Errors about our client, or what it asks for: of RFC 6749, RFC 8707, OpenID, Entra ID, GitHub, LinkedIn."""

_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def parameters_of(provider: str, error: str | None, metrics: UpstreamMetrics) -> Mapping[str, str]:
    """Log and count an error, and return the parameters for the client.

    None is a redirect without error and code. The browser sends the error, so the log has only text in the
    form of a code.
    """
    outcome = _outcome_of(error or "")
    known = error if error is not None and _CODE.fullmatch(error) else None
    write = log.info if outcome is RequestOutcome.REJECTED else log.warning
    write("upstream.login_rejected", provider=provider, error=known, outcome=outcome.value)
    metrics.concluded(provider, "callback", outcome)
    return _PARAMETERS[outcome]


def _outcome_of(error: str) -> RequestOutcome:
    """Return what an error is about. Any that is not known says that the user may not or will not log in."""
    if error in _FAILURES:
        return RequestOutcome.FAILED
    return RequestOutcome.MISCONFIGURED if _OUR_REQUEST.fullmatch(error) else RequestOutcome.REJECTED
