"""Authorization requests for tests."""

from urllib.parse import urlencode

from doorward_auth.oidc.authorization.query import Query, read_query
from unit.auth.oidc.clients import client

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636 appendix B
[REDIRECT] = client().redirect_uris

PARAMETERS = {
    "client_id": "grafana",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid email",
    "state": "af0ifjsldkj",
    "nonce": "n-0S6_WzA2Mj",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def query(*more: tuple[str, str], **changed: str | None) -> Query:
    """Return a request with changed parameters; None leaves one out. `more` are repeated at the end."""
    given = {name: value for name, value in {**PARAMETERS, **changed}.items() if value is not None}
    found = read_query(urlencode([*given.items(), *more]))
    assert found is not None
    return found
