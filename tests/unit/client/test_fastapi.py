"""A protected application without auth: what the client adds and what it leaves unchanged."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient
from structlog.testing import capture_logs

import doorward_client.fastapi
from doorward_client.fastapi import CurrentUser, VerifierSettings, setup_doorward_auth
from support.ports import free_port


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(doorward_client.fastapi, "START_SECONDS", 0)
    app = FastAPI()

    @app.get("/reports")
    async def reports(_caller: CurrentUser) -> None:
        """Not reached."""

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError

    settings = VerifierSettings(
        auth_url=f"http://127.0.0.1:{free_port()}/api/v1/auth",
        client_id="reports",
        client_secret=SecretStr("secret"),
        secret_key=SecretStr("Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"),
    )
    setup_doorward_auth(app, settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("received", ["incident-42", "a" * 128])
def test_a_rejection_has_the_request_id_of_the_caller(client: TestClient, received: str) -> None:
    response = client.get("/reports", headers={"X-Request-ID": received})
    assert response.status_code == 401
    assert response.json()["request_id"] == response.headers["x-request-id"] == received


@pytest.mark.parametrize("received", [None, "", "two words", "a" * 129, "ä", 'a"b'])
def test_without_a_valid_request_id_each_rejection_gets_a_new_one(
    client: TestClient, received: str | None
) -> None:
    headers = [] if received is None else [(b"x-request-id", received.encode())]
    responses = [client.get("/reports", headers=headers) for _ in range(2)]
    ids = [response.json()["request_id"] for response in responses]
    assert ids == [response.headers["x-request-id"] for response in responses]
    assert all(re.fullmatch(r"[0-9a-f]{32}", identifier) for identifier in ids)
    assert len(set(ids)) == 2


def test_the_log_line_of_a_rejected_token_has_the_same_id(client: TestClient) -> None:
    with capture_logs() as logs:
        response = client.get("/reports", headers={"Authorization": "Bearer  forged"})
    [line] = [log for log in logs if log["event"] == "token.rejected"]
    assert (line["reason"], line["request_id"]) == ("malformed", response.json()["request_id"])


def test_other_responses_are_unchanged(client: TestClient) -> None:
    assert client.get("/nowhere").json() == {"detail": "Not Found"}
    assert client.get("/bug").text == "Internal Server Error"
    for path in ("/nowhere", "/bug"):
        assert "x-request-id" not in client.get(path).headers


def test_a_missing_list_is_logged_at_startup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorward_client.fastapi, "START_SECONDS", 0)
    monkeypatch.setenv("DOORWARD_SECRET_KEY", "Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5")
    monkeypatch.setenv("DOORWARD_AUTH_URL", f"http://127.0.0.1:{free_port()}/api/v1/auth")
    monkeypatch.setenv("DOORWARD_CLIENT_ID", "reports")
    monkeypatch.setenv("DOORWARD_CLIENT_SECRET", "secret")
    # A route of the application, not of Doorward.
    monkeypatch.setenv("SECRET_KEY", "a key of the application's own sessions: 0123456789")
    app = FastAPI()
    verification = setup_doorward_auth(app)
    assert verification.problem() == "The revocation list is not loaded yet."
    with capture_logs() as logs, TestClient(app):
        pass
    assert {
        "event": "verification.not_ready",
        "log_level": "warning",
        "problem": verification.problem(),
    } in logs
