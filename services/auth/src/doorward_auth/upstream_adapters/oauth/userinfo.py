"""The endpoint that describes the user of an access token (OpenID Connect Core section 5.3)."""

from typing import Any, Final

from doorward_auth.upstream_adapters.base import MalformedAnswerError, MisconfiguredError
from doorward_auth.upstream_adapters.http.client import Call
from doorward_auth.upstream_adapters.http.messages import Answer

_WE_ARE_REFUSED: Final = frozenset({401, 403})


async def fetch_userinfo(call: Call, endpoint: str, access_token: str) -> tuple[Answer, dict[str, Any]]:
    """Return the answer and its object; raises UpstreamError."""
    answer = await call.get(endpoint, headers={"Authorization": f"Bearer {access_token}"})
    if answer.status in _WE_ARE_REFUSED:
        # The token is new, so its scopes do not suffice.
        raise answer.error(MisconfiguredError)
    if not answer.is_success:
        raise answer.failure()
    document = answer.json()
    if not isinstance(document, dict):
        raise answer.error(MalformedAnswerError)
    return answer, document
