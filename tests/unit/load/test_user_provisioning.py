"""A run removes the accounts that it created, and no others."""

from typing import Any

import pytest

from load.http_client import LoadError, Request, Response
from load.user_provisioning import AccountPool, UserProvisioning, is_test_account
from unit.load.fake_transport import FakeTransport, rejection, session_on, tokens

OURS = {"id": "7", "email": "load-0a1b2c3d-7@example.com", "name": "Load test 0a1b2c3d 7"}


def page(*users: dict[str, Any], cursor: str | None = None) -> Response:
    return Response(200, body={"items": list(users), "next_cursor": cursor})


def provisioning_on(transport: FakeTransport, *responses: Response) -> UserProvisioning:
    return UserProvisioning(
        session_on(transport, [tokens(1), *responses]), "example.com", sleep=transport.sleep
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "load-balancer@example.com"},
        {"email": "load-0a1b2c3d-7@example.org"},
        {"email": "load-0a1b2c3d-7@example.community"},
        {"email": "load-0a1b2c3-7@example.com"},
        {"email": "x-load-0a1b2c3d-7@example.com"},
        {"email": "load-0a1b2c3d-7@examplexcom"},
        {"name": "Ada Lovelace"},
    ],
)
def test_only_email_and_name_together_mark_a_test_account(changed: dict[str, str]) -> None:
    assert is_test_account(OURS, "example.com")
    assert not is_test_account({**OURS, **changed}, "example.com")


def test_removal_reads_all_pages_and_repeats() -> None:
    transport = FakeTransport()
    other = {"id": "9", "email": "load-balancer@example.com", "name": "Load Balancer"}
    late = {**OURS, "id": "8", "email": "load-0a1b2c3d-8@example.com"}
    provisioning = provisioning_on(
        transport,
        *(page(other, cursor="next"), page(OURS), Response(204)),
        *(page(other, late), Response(404)),
        page(other),
    )
    assert provisioning.remove() == 1, "a 404 is not counted"
    deleted = [request.path for request in transport.sent if request.method == "DELETE"]
    assert deleted == ["/api/v1/users/7", "/api/v1/users/8"]
    assert "cursor=next" in transport.sent[2].path


def test_limits_outages_and_lost_responses_are_retried() -> None:
    transport = FakeTransport()
    provisioning = provisioning_on(
        transport, rejection(429, "too_many_requests", 9), Response(502), Response(0), page()
    )
    assert provisioning.remove() == 0
    assert transport.slept == [9, 1, 1]


def test_a_failed_removal_names_the_account() -> None:
    with pytest.raises(LoadError, match=r"load-0a1b2c3d-7@example\.com could not be removed: 403 nope"):
        provisioning_on(FakeTransport(), page(OURS), Response(403, body={"code": "nope"})).remove()


def test_removal_is_limited_to_a_few_rounds() -> None:
    with pytest.raises(LoadError, match="still exist after 5 rounds"):
        provisioning_on(FakeTransport(), *[page(OURS), Response(204)] * 5).remove()


def test_accounts_are_named_after_the_run_and_taken_in_rotation() -> None:
    transport = FakeTransport()
    accounts = AccountPool(provisioning_on(transport))

    def created(request: Request) -> Response:
        assert request.body is not None
        assert is_test_account({"email": request.body["email"], "name": request.body["name"]}, "example.com")
        return Response(201, body={"id": request.body["email"]})

    transport.responses.extend([created, created])
    accounts.create(2)
    taken = [accounts.take() for _ in range(3)]
    assert [account.email for account in taken] == [f"load-{accounts.run}-{n}@example.com" for n in (0, 1, 0)]
    assert taken[0] is not taken[2], "the same account on another device"
    assert len({account.password for account in taken}) == 2
    assert accounts.random_account().email in {taken[0].email, taken[1].email}


def test_a_failed_creation_is_an_error() -> None:
    accounts = AccountPool(
        provisioning_on(FakeTransport(), Response(403, body={"code": "insufficient_permission"}))
    )
    with pytest.raises(
        LoadError, match="could not be created as an administrator: 403 insufficient_permission"
    ):
        accounts.create(1)


def test_zero_accounts_are_too_few() -> None:
    with pytest.raises(LoadError, match="0 accounts are too few"):
        AccountPool(provisioning_on(FakeTransport())).create(0)


@pytest.mark.parametrize("readable", [True, False])
def test_check_login_tells_whether_users_may_read_the_directory(*, readable: bool) -> None:
    admin, users = FakeTransport(), FakeTransport()
    accounts = AccountPool(provisioning_on(admin, Response(201, body={"id": "1"})))
    accounts.create(1)
    forbidden = Response(403, body={"code": "insufficient_permission"})
    users.responses.extend([tokens(1), page() if readable else forbidden, Response(204)])
    assert accounts.check_login(users) is readable
    assert users.routes()[-1] == "POST /api/v1/auth/logout"


def test_an_account_that_cannot_log_in_is_an_error() -> None:
    admin, users = FakeTransport(), FakeTransport()
    accounts = AccountPool(provisioning_on(admin, Response(201, body={"id": "1"})))
    accounts.create(1)
    users.responses.append(Response(403, body={"code": "password_change_required"}))
    with pytest.raises(LoadError, match="was created but cannot log in: 403 password_change_required"):
        accounts.check_login(users)
