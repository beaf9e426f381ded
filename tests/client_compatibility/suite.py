"""Tests of the client in a separate environment; test_client_compatibility.py runs them.

Nothing but the client, its extras and `peers.in` is installed there.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import httpx2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from jose import jws
from prometheus_client import CollectorRegistry

import doorward_client.fastapi
from doorward_client import base64url
from doorward_client.fastapi import CurrentUser, setup_doorward_auth
from doorward_client.keys.secret_strength import key_id
from doorward_client.prometheus import PrometheusVerificationMetrics
from doorward_client.revocations.models import RevocationEntries, dump_entries
from doorward_client.settings import SettingsError
from doorward_client.token_verification import TokenVerificationService

SECRET = "the key of the compatibility suite: 0123456789"
CLIENT = ("reports", "the client secret of the compatibility suite")
HALF_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
"""Half of the order of P-256 (SEC 2 section 2.4.2)."""

UNWANTED = ("sqlalchemy", "alembic", "pymysql", "uvicorn", "orjson", "redis", "prometheus_client")


def number(value: int) -> str:
    return base64url.encode(value.to_bytes(32, "big"))


def new_ec_key() -> dict[str, str]:
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    return {
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": "one",
        "x": number(public.x),
        "y": number(public.y),
        "d": number(numbers.private_value),
    }


EC_KEY = new_ec_key()


def token(algorithm: str, **changes: Any) -> str:
    """Sign with python-jose alone, like another issuer."""
    now = int(time.time())
    claims = {
        "iss": "doorward",
        "aud": "doorward",
        "sub": str(uuid.uuid4()),
        "sid": str(uuid.uuid4()),
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 300,
        "role": "user",
        "token_version": 1,
        **changes,
    }
    kid, key = ("one", cast("Any", EC_KEY)) if algorithm == "ES256" else (key_id(SECRET.encode()), SECRET)
    signed: str = jws.sign(claims, key, {"typ": "at+jwt", "kid": kid}, algorithm)
    return signed


class Auth(ThreadingHTTPServer):
    """A fake auth, which the client polls."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.issuer = "doorward"
        self.sessions: dict[uuid.UUID, float] = {}
        self.statuses: list[int] = []

    def revoke(self, session: str) -> None:
        self.sessions[uuid.UUID(session)] = 300.0


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        auth = cast("Auth", self.server)
        tag = f'"{len(auth.sessions)}-{auth.issuer}"'
        if self.path == "/jwks.json":
            self._send(200, json.dumps({"keys": [{k: v for k, v in EC_KEY.items() if k != "d"}]}).encode())
        elif self.headers["Authorization"] != "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode():
            self._send(401, b"")
        elif self.headers["If-None-Match"] == tag:
            auth.statuses.append(304)
            self._send(304, b"", ETag=tag)
        else:
            entries = RevocationEntries(dict(auth.sessions))
            auth.statuses.append(200)
            self._send(200, dump_entries(entries, issuer=auth.issuer, audience="doorward"), ETag=tag, Age="0")

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


@pytest.fixture
def auth() -> Iterator[Auth]:
    with Auth() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(params=["HS256", "ES256"])
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, auth: Auth, tmp_path_factory: pytest.TempPathFactory
) -> pytest.MonkeyPatch:
    file = tmp_path_factory.mktemp("secret") / "client-secret"
    file.write_text(CLIENT[1] + "\n")
    monkeypatch.setenv("DOORWARD_AUTH_URL", auth.url)
    monkeypatch.setenv("DOORWARD_CLIENT_ID", CLIENT[0])
    monkeypatch.setenv("DOORWARD_CLIENT_SECRET_FILE", str(file))
    monkeypatch.setenv("DOORWARD_REVOCATION_POLL_SECONDS", "0.02")
    monkeypatch.setattr(doorward_client.fastapi, "START_SECONDS", 2.0)
    return monkeypatch


def new_app() -> tuple[FastAPI, TokenVerificationService, CollectorRegistry]:
    app, registry = FastAPI(), CollectorRegistry()
    engine = sa.create_engine("sqlite://")

    @app.get("/reports")
    async def reports(caller: CurrentUser) -> dict[str, Any]:
        with engine.connect() as connection:
            return {
                "user": str(caller.user_id),
                "count": connection.execute(sa.text("SELECT 1")).scalar_one(),
            }

    return app, setup_doorward_auth(app, metrics=PrometheusVerificationMetrics(registry)), registry


Ask = Callable[..., Awaitable[httpx2.Response]]


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[Ask]:
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://reports") as client,
    ):

        async def ask(token: str | None = None, **headers: str) -> httpx2.Response:
            authorization = {} if token is None else {"Authorization": f"Bearer {token}"}
            return await client.get("/reports", headers={**authorization, **headers})

        yield ask


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - the conditions depend on several processes
            await asyncio.sleep(0.01)


def use(environment: pytest.MonkeyPatch, algorithm: str) -> None:
    if algorithm == "HS256":
        environment.setenv("DOORWARD_SECRET_KEY", SECRET)


def test_only_valid_tokens_are_accepted(environment: pytest.MonkeyPatch, algorithm: str) -> None:
    use(environment, algorithm)
    app, doorward, registry = new_app()

    async def scenario() -> None:
        async with running(app) as ask:
            assert (doorward.problem(), doorward.warning()) == (None, None)
            user = str(uuid.uuid4())
            answer = await ask(token(algorithm, sub=user))
            assert (answer.status_code, answer.json()) == (200, {"user": user, "count": 1})
            assert "x-request-id" not in answer.headers
            assert (await ask("  " + token(algorithm))).status_code == 200
            rejected = await ask(**{"X-Request-ID": "incident-42"})
            assert (rejected.status_code, rejected.json()["code"]) == (401, "not_authenticated")
            assert rejected.json()["request_id"] == rejected.headers["x-request-id"] == "incident-42"
            assert rejected.headers["content-type"] == "application/problem+json"
            for bad in (
                "forged",
                token(algorithm, exp=1),
                token(algorithm, iss="other"),
                token(algorithm)[:-2],
            ):
                rejected = await ask(bad, **{"X-Request-ID": "not well formed"})
                assert (rejected.status_code, rejected.json()["code"]) == (401, "invalid_token")
                assert len(rejected.json()["request_id"]) == 32
                assert rejected.json()["request_id"] == rejected.headers["x-request-id"]
        expired = registry.get_sample_value("doorward_tokens_rejected_total", {"reason": "expired"})
        assert (expired, registry.get_sample_value("doorward_verification_keys")) == (1, 1)

    asyncio.run(scenario())


def test_signatures_with_high_and_low_s_are_accepted() -> None:
    """JWS does not require the lower s, and other signers do not choose it."""
    app, _, _ = new_app()

    async def scenario() -> None:
        halves: set[bool] = set()
        async with running(app) as ask:
            while len(halves) < 2:
                signed = token("ES256")
                s = base64url.decode(signed.rpartition(".")[2])[32:]
                halves.add(int.from_bytes(s, "big") > HALF_ORDER)
                assert (await ask(signed)).status_code == 200

    asyncio.run(scenario())


def test_polls_deliver_revocations(environment: pytest.MonkeyPatch, auth: Auth, algorithm: str) -> None:
    use(environment, algorithm)
    app, _, registry = new_app()
    session = str(uuid.uuid4())
    ended, other = token(algorithm, sid=session), token(algorithm)

    async def is_quiet() -> bool:
        return auth.statuses[-3:] == [304] * 3

    async def scenario() -> None:
        async with running(app) as ask:
            assert (await ask(ended)).status_code == 200
            await until(is_quiet)
            auth.revoke(session)

            async def is_known() -> bool:
                return (await ask(ended)).status_code == 401

            await until(is_known)
            assert (await ask(other)).status_code == 200
        assert registry.get_sample_value("doorward_revocations") == 1

    asyncio.run(scenario())


def test_without_a_revocation_list_no_token_is_accepted(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(doorward_client.fastapi, "START_SECONDS", 0.05)
    environment.setenv("DOORWARD_SECRET_KEY", SECRET)
    environment.setenv("DOORWARD_CLIENT_SECRET", "another")
    app, doorward, _ = new_app()

    async def scenario() -> None:
        async with running(app) as ask:
            assert doorward.problem() == "The revocation list is not loaded yet."
            rejected = await ask(token("HS256"))
            assert (rejected.status_code, rejected.json()["code"]) == (503, "revocations_unavailable")
            assert rejected.headers["retry-after"] == "1"

    asyncio.run(scenario())


def test_a_different_issuer_is_reported(auth: Auth) -> None:
    auth.issuer = "https://auth.example.com"
    app, doorward, _ = new_app()

    async def scenario() -> None:
        async with running(app):
            said = "DOORWARD_ISSUER is 'doorward' here and 'https://auth.example.com' at auth"
            assert doorward.problem() == said
            auth.issuer = "doorward"

            async def agrees() -> bool:
                return doorward.problem() is None

            await until(agrees)
            auth.issuer = "https://auth.example.com"

            async def warns() -> bool:
                return doorward.warning() == said

            await until(warns)
            assert doorward.problem() is None  # its earlier tokens are still valid

    asyncio.run(scenario())


@pytest.mark.skipif("REDIS_URL" not in os.environ, reason="run without Redis")
def test_redis_delivers_revocations(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DOORWARD_REDIS_URL", os.environ["REDIS_URL"])
    environment.setenv("DOORWARD_REVOCATION_POLL_SECONDS", "60")
    (one, _, registry), (two, other, _) = new_app(), new_app()
    session = uuid.uuid4()

    async def scenario() -> None:
        async with running(one) as ask, running(two):
            signed = token("ES256", sid=str(session))
            assert (await ask(signed)).status_code == 200

            async def is_connected() -> bool:
                return registry.get_sample_value("doorward_revocation_pubsub_connected") == 1

            await until(is_connected)
            assert other.poller.publisher is not None
            await other.poller.publisher.publish(RevocationEntries({session: 300.0}))

            async def is_known() -> bool:
                return (await ask(signed)).status_code == 401

            await until(is_known)

    asyncio.run(scenario())


def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DOORWARD_CLIENT_ID")
    with pytest.raises(SettingsError, match="DOORWARD_AUTH_URL, DOORWARD_CLIENT_ID and"):
        setup_doorward_auth(FastAPI())


def test_modules_of_services_and_extras_are_not_imported() -> None:
    program = f"import sys, doorward_client.fastapi; print([one for one in {UNWANTED} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
