"""Requests run the same database statements for known and unknown addresses.

Differences in time could hide in the noise of a busy machine, so statements are counted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import sqlalchemy as sa

from doorward_client.request_context import current_request_id
from doorward_identity.tables import rate_limits
from integration.harness.installation import AUTH, Installation
from integration.harness.people import People

UNKNOWN: Final = "nobody@example.com"
PENDING: Final = "registered@example.com"
NO_ADDRESS: Final = "not an address"
PHRASE: Final = "an unheard-of phrase"

Request = tuple[str, str, dict[str, Any]]


def login(email: str) -> Request:
    return "POST", "/token", {"email": email, "password": "wrong, all wrong"}


def login_from_a_device(email: str) -> Request:
    return "POST", "/token", {"email": email, "password": "wrong", "device_token": "dwd_" + "A" * 64}


def change(email: str) -> Request:
    return "POST", "/password", {"email": email, "current_password": "wrong", "new_password": PHRASE}


def ask_for_reset(email: str) -> Request:
    return "POST", "/password/reset", {"email": email}


def reset(email: str) -> Request:
    return "PATCH", "/password/reset", {"email": email, "pin": "123456", "new_password": PHRASE}


def register(email: str) -> Request:
    return "POST", "/register", {"email": email, "name": "Somebody", "password": PHRASE}


def resend(email: str) -> Request:
    return "POST", "/verify-email/resend", {"email": email}


def login_as_registered(email: str) -> Request:
    return "POST", "/token", {"email": email, "password": PHRASE}


def change_as_registered(email: str) -> Request:
    return "POST", "/password", {"email": email, "current_password": PHRASE, "new_password": "wrong, as well"}


@contextmanager
def watched(installation: Installation) -> Iterator[dict[str, list[str]]]:
    """Collect the statements of each request by its id."""
    statements: dict[str, list[str]] = defaultdict(list)

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements[current_request_id()].append(statement)

    engine = installation.auth_app.state.resources.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(engine, "before_cursor_execute", note)


def statements_of(installation: Installation, request: Request) -> list[str]:
    method, path, body = request
    installation.execute(sa.delete(rate_limits))
    with watched(installation) as statements:
        response = installation.call(method, AUTH + path, json=body)
    assert response.status_code in {202, 400, 401}, response.text
    return statements[response.headers["x-request-id"]]


@pytest.mark.parametrize(
    "request_for", [login, login_from_a_device, change, ask_for_reset, reset, register, resend]
)
def test_known_and_unknown_addresses_run_the_same_statements(
    installation: Installation, people: People, request_for: Callable[[str], Request]
) -> None:
    known = statements_of(installation, request_for(people.user.email))
    unknown = statements_of(installation, request_for(UNKNOWN))
    assert len(known) > 3
    assert known == unknown


@pytest.mark.parametrize("request_for", [login_as_registered, change_as_registered])
@pytest.mark.usefixtures("people")
def test_same_statements_for_the_password_of_a_registration(
    installation: Installation, request_for: Callable[[str], Request]
) -> None:
    """The password is not valid before the code is entered, so it costs one hash, as any wrong password."""
    assert installation.call("POST", AUTH + "/register", json=register(PENDING)[2]).status_code == 202
    pending = statements_of(installation, request_for(PENDING))
    assert pending == statements_of(installation, request_for(UNKNOWN))


@pytest.mark.parametrize("request_for", [login, change, ask_for_reset, reset, resend])
@pytest.mark.usefixtures("people")
def test_invalid_and_unknown_addresses_run_the_same_statements(
    installation: Installation, request_for: Callable[[str], Request]
) -> None:
    unknown = statements_of(installation, request_for(UNKNOWN))
    assert statements_of(installation, request_for(NO_ADDRESS)) == unknown
