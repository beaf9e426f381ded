"""Checks of answers: valid requests are rejected for known reasons; replaces `positive_data_acceptance`."""

import re
from typing import Any, Final
from urllib.parse import urlencode

import schemathesis
from schemathesis import CheckContext, GenerationMode
from schemathesis.core.failures import Failure

from api_conformance.accepted import REJECTED_CODES, REJECTED_FIELDS

_MAX_QUERY: Final = 32_000
_ANSWERED: Final = frozenset({401, 403, 404, 409, 410, 413, 415, 429})
"""Rejections that depend on who asks, on what is stored, and on how often."""


class UnknownRejectionError(Failure):
    """A request that the document allows is rejected for a reason that accepted.py does not have."""


@schemathesis.hook
def filter_query(_ctx: Any, query: "dict[str, Any] | None") -> bool:
    """Leave out addresses that HTTP parsers reject, before any application: their answer has no document."""
    return len(urlencode(query or {}, doseq=True)) < _MAX_QUERY


@schemathesis.check
def rejections_are_known(_ctx: CheckContext, response: Any, case: "schemathesis.Case[Any]") -> None:
    """Fail for a rejection of a valid request, unless its code is accepted."""
    meta = case.meta
    if meta is None or meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if response.status_code < 400 or response.status_code >= 500 or response.status_code in _ANSWERED:
        return
    if "text/html" in response.headers.get("content-type", [""])[0]:
        return  # the page of a browser, whose reasons tests/integration/oidc checks
    problem = response.json()
    if problem["code"] in REJECTED_CODES:
        return
    fields = problem.get("errors") or []
    unknown = [
        field["code"]
        for field in fields
        if not any(re.fullmatch(known, field["code"]) for known in REJECTED_FIELDS)
    ]
    if fields and not unknown:
        return
    raise UnknownRejectionError(
        operation=case.operation.label,
        title="A valid request is rejected",
        message=f"{response.status_code} {problem['code']} {unknown}",
    )
