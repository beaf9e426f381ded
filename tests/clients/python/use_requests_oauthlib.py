"""requests-oauthlib: grants, a refresh by itself, and errors as exceptions of oauthlib."""

import os

from installation import AUTH, EMAIL, PASSWORD, URL, report
from oauthlib.oauth2 import (
    InvalidGrantError,
    LegacyApplicationClient,
    TokenExpiredError,
    UnsupportedGrantTypeError,
)
from requests_oauthlib import OAuth2Session

TOKEN = f"{AUTH}/token"
if URL.startswith("http://127.0.0.1:"):
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # of this machine


class UnknownGrant(LegacyApplicationClient):
    """Asks for a grant that the server does not have."""

    grant_type = "urn:example:unknown"


def session(
    client: type[LegacyApplicationClient] = LegacyApplicationClient, **options: object
) -> OAuth2Session:
    return OAuth2Session(client=client(client_id=""), **options)


def raised(error: type[Exception], client: OAuth2Session, **parameters: str) -> bool:
    try:
        client.fetch_token(TOKEN, **parameters)
    except error:
        return True
    return False


kept: list[dict[str, str]] = []
person = session(auto_refresh_url=TOKEN, token_updater=kept.append)
first = person.fetch_token(TOKEN, username=EMAIL, password=PASSWORD)
assert person.get(f"{AUTH}/me").json()["role"] == "admin"
second = person.refresh_token(TOKEN)
assert second["refresh_token"] != first["refresh_token"]

person.token = {**second, "expires_in": -1, "expires_at": 1}
assert person.get(f"{AUTH}/me").status_code == 200
assert kept[-1]["access_token"] != second["access_token"]

assert raised(InvalidGrantError, session(), username=EMAIL, password="wrong")
assert raised(UnsupportedGrantTypeError, session(UnknownGrant), username=EMAIL, password=PASSWORD)
try:
    person.refresh_token(TOKEN, refresh_token="wrong")
except InvalidGrantError:
    pass
else:
    raise AssertionError("no error")
expired = session(token={**second, "expires_in": -1, "expires_at": 1})
try:
    expired.get(f"{AUTH}/me")
except TokenExpiredError:
    pass
else:
    raise AssertionError("no error")

report("requests-oauthlib", "password grant", "refresh", "refresh by itself", "errors")
