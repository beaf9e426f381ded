"""A sign-in of several steps: a temporary password must be replaced before the session opens."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import pytest
import sqlalchemy as sa

from doorward_auth.sign_in.repository import MAX_ATTEMPTS, MAX_ROWS
from doorward_client import base64url
from doorward_identity.tables import rate_limits, sessions, sign_ins, users
from integration.harness.installation import AUTH, USERS, Installation, reconfigured
from integration.harness.people import PASSWORD, People
from integration.harness.problems import assert_problem
from integration.self_service.database_rows import count
from integration.self_service.flows import ANOTHER, CHOSEN, Flows
from integration.self_service.mailbox import Mailbox

NEW_PASSWORD: Final = "urn:doorward:grant:new-password"
BOB: Final = "bob@example.com"
HANDED_OUT: Final = "handed out on paper"


@pytest.fixture
def strict(installation: Installation, mailbox: Mailbox, people: People) -> Iterator[Flows]:
    """Flows with temporary passwords; Bob has one."""
    with reconfigured(installation, admin_set_password_must_change=True) as replica:
        flows = Flows(replica, mailbox)
        assert flows.create(people.admin.access, BOB, password=HANDED_OUT).status_code == 201
        yield flows


def start(flows: Flows) -> str:
    """Prove the temporary password; return the token that continues the sign-in."""
    rejection = assert_problem(flows.log_in(BOB, HANDED_OUT), 403, "password_change_required")
    token: str = rejection["sign_in_token"]
    return token


def finish(flows: Flows, token: str, password: str = CHOSEN) -> httpx2.Response:
    body = {"grant_type": NEW_PASSWORD, "sign_in_token": token, "new_password": password}
    return flows.api.call("POST", f"{AUTH}/token", json=body)


def claims_of(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    claims: dict[str, Any] = json.loads(base64url.decode(response.json()["access_token"].split(".")[1]))
    return claims


def test_a_new_password_opens_the_session(strict: Flows, installation: Installation) -> None:
    pair = finish(strict, start(strict)).json()
    assert pair["device_token"].startswith("dwd_")
    assert strict.me(pair["access_token"]).json()["email"] == BOB
    assert strict.refresh(pair["refresh_token"]).status_code == 200
    assert count(installation, sign_ins) == 0
    strict.sign_in(BOB, CHOSEN)
    assert_problem(strict.log_in(BOB, HANDED_OUT), 401, "invalid_credentials")
    assert "password" in strict.mailbox.last_to(BOB).subject.lower()


def test_a_form_may_send_the_new_password(strict: Flows) -> None:
    form = {"grant_type": NEW_PASSWORD, "sign_in_token": start(strict), "new_password": CHOSEN, "more": "x"}
    assert strict.api.call("POST", f"{AUTH}/token", data=form).status_code == 200


def test_a_rejected_password_keeps_the_sign_in_open(strict: Flows) -> None:
    token = start(strict)
    assert_problem(finish(strict, token, "password123"), 422, "validation_error")
    assert_problem(finish(strict, token, BOB.replace("@", " ")), 422, "validation_error")
    assert_problem(finish(strict, token, HANDED_OUT), 422, "password_unchanged")
    assert finish(strict, token).status_code == 200


def test_five_wrong_attempts_end_the_sign_in(strict: Flows, installation: Installation) -> None:
    token = start(strict)
    for _ in range(MAX_ATTEMPTS):
        assert_problem(finish(strict, token, HANDED_OUT), 422, "password_unchanged")
    assert_problem(finish(strict, token), 401, "invalid_sign_in_token")
    assert count(installation, sign_ins) == 0


def later(installation: Installation, seconds: int) -> None:
    """Let time pass for every sign-in."""
    [(expires_at,)] = installation.execute(sa.select(sign_ins.c.expires_at))
    earlier = expires_at - timedelta(seconds=seconds)
    installation.execute(sign_ins.update().values(expires_at=earlier))


def patch_bob(flows: Flows, installation: Installation, people: People, change: dict[str, str]) -> None:
    [(bob,)] = installation.execute(sa.select(users.c.id).where(users.c.email_key == BOB))
    response = flows.api.call("PATCH", f"{USERS}/{bob}", people.admin.access, json=change)
    assert response.status_code == 200, response.text


Ending = Callable[[Flows, Installation, People, str], object]

ENDINGS: Final[dict[str, Ending]] = {
    "used": lambda flows, _i, _p, token: finish(flows, token).raise_for_status(),
    "eleven minutes": lambda _f, installation, _p, _t: later(installation, 660),
    "password reset": lambda flows, _i, _p, _t: flows.reset(BOB, flows.mailed_pin(BOB)).raise_for_status(),
    "password changed": lambda flows, _i, _p, _t: flows.change_by_address(BOB, HANDED_OUT),
    "password set": lambda flows, installation, people, _t: patch_bob(
        flows, installation, people, {"password": ANOTHER}
    ),
    "disabled": lambda flows, installation, people, _t: patch_bob(
        flows, installation, people, {"status": "disabled"}
    ),
    "promoted": lambda flows, installation, people, _t: patch_bob(
        flows, installation, people, {"role": "admin"}
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ended_sign_in_opens_no_session(
    strict: Flows, installation: Installation, people: People, ending: str
) -> None:
    token = start(strict)
    unknown = finish(strict, "dws_" + "A" * 64)
    ENDINGS[ending](strict, installation, people, token)
    before = count(installation, sessions)
    rejected = finish(strict, token, "yet another phrase")
    assert_problem(rejected, 401, "invalid_sign_in_token")
    told = [{**response.json(), "request_id": "-"} for response in (rejected, unknown)]
    assert told[0] == told[1], "the answer tells why"
    assert count(installation, sessions) == before


def test_a_sign_in_is_still_open_after_nine_minutes(strict: Flows, installation: Installation) -> None:
    token = start(strict)
    later(installation, 540)
    assert finish(strict, token).status_code == 200


def test_a_sign_in_requires_the_right_secret(strict: Flows) -> None:
    token = start(strict)
    altered = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert_problem(finish(strict, altered), 401, "invalid_sign_in_token")
    assert finish(strict, token).status_code == 200


def test_parallel_sign_ins_are_independent_until_one_changes_the_account(
    strict: Flows, installation: Installation
) -> None:
    first, second = start(strict), start(strict)
    assert first != second
    assert count(installation, sign_ins) == 2
    assert finish(strict, second).status_code == 200
    assert_problem(finish(strict, first), 401, "invalid_sign_in_token")


def test_a_user_has_at_most_ten_sign_ins(strict: Flows, installation: Installation) -> None:
    oldest = start(strict)
    newest = [start(strict) for _ in range(MAX_ROWS)][-1]
    assert count(installation, sign_ins) == MAX_ROWS
    assert_problem(finish(strict, oldest), 401, "invalid_sign_in_token")
    assert finish(strict, newest).status_code == 200


PATHWAYS: Final[dict[str, Callable[[Flows], httpx2.Response]]] = {
    "json": lambda flows: flows.log_in(BOB, HANDED_OUT),
    "named grant": lambda flows: flows.api.call(
        "POST", f"{AUTH}/token", json={"grant_type": "password", "email": BOB, "password": HANDED_OUT}
    ),
    "form": lambda flows: flows.api.call(
        "POST", f"{AUTH}/token", data={"username": BOB, "password": HANDED_OUT}
    ),
    "change by address": lambda flows: flows.change_by_address(BOB, HANDED_OUT),
    "reset by mail": lambda flows: flows.reset(BOB, flows.mailed_pin(BOB)),
}


@pytest.mark.parametrize("pathway", PATHWAYS)
def test_no_pathway_opens_a_session_with_a_temporary_password(
    strict: Flows, installation: Installation, pathway: str
) -> None:
    before = count(installation, sessions)
    assert PATHWAYS[pathway](strict).status_code in {200, 204, 400, 403}
    assert count(installation, sessions) == before


def test_a_rejected_account_gets_no_step(strict: Flows, installation: Installation, people: People) -> None:
    patch_bob(strict, installation, people, {"status": "disabled"})
    rejection = assert_problem(strict.log_in(BOB, HANDED_OUT), 403, "account_disabled")
    assert "sign_in_token" not in rejection


def test_anonymous_requests_store_no_sign_in(
    flows: Flows, installation: Installation, people: People
) -> None:
    """A login that needs no further step stores no sign-in either."""
    for number in range(100):
        installation.execute(sa.delete(rate_limits))
        flows.log_in(f"nobody{number}@example.com", PASSWORD)
        flows.log_in(people.user.email, "wrong, all wrong")
        finish(flows, f"dws_{'A' * 64}")
        finish(flows, "no token at all")
        flows.api.call("POST", f"{AUTH}/token", json={"grant_type": "urn:doorward:grant:totp"})
    flows.sign_in(people.user.email, PASSWORD)
    assert count(installation, sign_ins) == 0


@pytest.mark.parametrize("grant_type", ["urn:doorward:grant:totp", "authorization_code", "", 7, ["password"]])
def test_unknown_grant_types_are_rejected(flows: Flows, grant_type: object) -> None:
    body = {"grant_type": grant_type, "email": BOB, "password": PASSWORD}
    response = flows.api.call("POST", f"{AUTH}/token", json=body)
    assert_problem(response, 400, "unsupported_grant_type")


def test_a_grant_accepts_only_its_own_parameters(flows: Flows) -> None:
    body = {"grant_type": NEW_PASSWORD, "sign_in_token": "x", "new_password": CHOSEN, "password": PASSWORD}
    assert_problem(flows.api.call("POST", f"{AUTH}/token", json=body), 422, "validation_error")


def test_json_may_refresh_at_the_token_endpoint(flows: Flows, people: People) -> None:
    body = {"grant_type": "refresh_token", "refresh_token": people.user.refresh}
    assert flows.api.call("POST", f"{AUTH}/token", json=body).status_code == 200


def test_tokens_contain_time_and_method_of_authentication(flows: Flows, people: People) -> None:
    login = flows.log_in(people.user.email, PASSWORD)
    claims = claims_of(login)
    assert (claims["acr"], claims["amr"]) == ("aal1", ["pwd"])
    assert abs(claims["auth_time"] - time.time()) < 10
    assert claims["auth_time"] <= claims["iat"]


def age_sessions(installation: Installation) -> None:
    """Date every session's opening back by an hour."""
    earlier = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    installation.execute(sessions.update().values(auth_time=earlier))


def test_a_refresh_keeps_the_time_of_the_authentication(
    flows: Flows, people: People, installation: Installation
) -> None:
    login = flows.log_in(people.user.email, PASSWORD)
    age_sessions(installation)
    refreshed = claims_of(flows.refresh(login.json()["refresh_token"]))
    assert refreshed["auth_time"] == pytest.approx(time.time() - 3600, abs=20)
    assert (refreshed["acr"], refreshed["amr"]) == ("aal1", ["pwd"])


def step_up(flows: Flows, access: str, password: str = PASSWORD) -> httpx2.Response:
    return flows.api.call("POST", f"{AUTH}/step-up", access, json={"password": password})


def test_a_step_up_renews_the_same_session(flows: Flows, people: People, installation: Installation) -> None:
    login = flows.log_in(people.user.email, PASSWORD)
    before = claims_of(login)
    age_sessions(installation)
    pair = step_up(flows, login.json()["access_token"])
    after = claims_of(pair)
    assert after["sid"] == before["sid"]
    assert abs(after["auth_time"] - time.time()) < 10
    assert claims_of(flows.refresh(pair.json()["refresh_token"]))["auth_time"] == after["auth_time"]


def test_the_refresh_token_before_a_step_up_is_rejected_and_ends_nothing(
    flows: Flows, people: People
) -> None:
    """Another tab may be refreshing in parallel; within the grace period this is not a theft."""
    login = flows.log_in(people.user.email, PASSWORD).json()
    pair = step_up(flows, login["access_token"]).json()
    assert_problem(flows.refresh(login["refresh_token"]), 401, "invalid_refresh_token")
    assert flows.refresh(pair["refresh_token"]).status_code == 200


def test_a_step_up_needs_the_password_and_a_live_session(flows: Flows, people: People) -> None:
    login = flows.log_in(people.user.email, PASSWORD).json()
    assert_problem(step_up(flows, login["access_token"], "wrong"), 401, "invalid_credentials")
    assert_problem(
        flows.api.call("POST", f"{AUTH}/step-up", json={"password": "x"}), 401, "not_authenticated"
    )
    flows.api.call("POST", f"{AUTH}/logout", login["access_token"])
    assert step_up(flows, login["access_token"]).status_code == 401
    assert_problem(flows.refresh(login["refresh_token"]), 401, "invalid_refresh_token")
