"""The whole story with the process of `make run`: a picture, a login, fresh tokens, and the event stream."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.tables import upstream_grants
from doorward_kit.column_types import utc_now
from doorward_kit.database import create_engine
from integration.harness.installation import AUTH, USERS
from integration.upstream.installation import SECRET, UPSTREAM
from support.event_stream import event_stream
from support.example_upstream import FOLDER, ExampleUpstream
from support.images import png
from support.standalone import Standalone

pytestmark = pytest.mark.databases("sqlite")

REFRESH = "/api/token/refresh"
COMMANDS = re.findall(
    r"```sh\n(curl http://127\.0\.0\.1:8080.*?)```",
    (FOLDER / "README.md").read_text(encoding="utf-8"),
    re.DOTALL,
)

[LISTEN] = re.findall(
    r"```sh\n(curl --no-buffer .*?)\n```", (FOLDER / "README.md").read_text(encoding="utf-8"), re.DOTALL
)


@dataclass(frozen=True)
class Served:
    """`doorward serve`, the example API, and a client."""

    process: Standalone
    example: ExampleUpstream
    client: httpx2.Client

    def call(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Send a request; fails the test unless it succeeds."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self.client.request(method, self.process.url + path, headers=headers, **options)
        assert response.is_success, response.text
        return response

    def register(self, email: str) -> dict[str, Any]:
        form = {"email": (None, email), "password": (None, SECRET), "name": (None, "Ada")}
        files = {**form, "image": ("me.png", png(40, 40), "image/png")}
        pair: dict[str, Any] = self.call("POST", f"{UPSTREAM}/theapi/register", files=files).json()
        return pair

    def age_tokens(self, *, are_due: bool = False) -> None:
        """Let most of the lifetime of each upstream token be over. The background gets the due ones."""
        engine = create_engine(f"sqlite:///{self.process.data / 'doorward.db'}", pool_size=1, timeout=30)
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            aged = {"access_expires_at": utc_now(20), "last_refreshed_at": utc_now(-40)}
            due = {"due_at": utc_now()} if are_due else {}
            connection.execute(sa.update(upstream_grants).values({**aged, **due}))
            connection.commit()
        engine.dispose()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with ExampleUpstream(folder) as example, httpx2.Client(timeout=60) as client:
        file = folder / "upstreams.json"
        file.write_text(json.dumps({"theapi": example.settings()}), encoding="utf-8")
        with Standalone(folder, DOORWARD_UPSTREAMS_FILE=str(file)) as process:
            yield Served(process, example, client)


def test_the_vaults_key_is_made_at_the_first_start(served: Served) -> None:
    assert (served.process.data / "vault-keys.json").stat().st_mode & 0o777 == 0o600


def test_the_commands_of_the_examples_page_work(served: Served) -> None:
    tokens: dict[str, str] = {}
    answers = []
    for command in COMMANDS:
        done = subprocess.run(
            ["/bin/sh", "-ec", command.replace("http://127.0.0.1:8080", served.process.url)],
            cwd=FOLDER.parents[2],
            env={**os.environ, **tokens},
            capture_output=True,
            check=True,
        )
        answers.append(json.loads(done.stdout))
        tokens |= {
            name.upper(): answers[-1][name]
            for name in ("access_token", "refresh_token")
            if name in answers[-1] and "refresh_token" in answers[-1]
        }
    registered, logged_in, upstream, refreshed = answers
    for pair in (registered, logged_in, refreshed):
        assert {"access_token", "refresh_token"} <= pair.keys(), pair
    assert refreshed["upstream"] == "fresh"
    assert upstream["token_type"] == "Bearer"
    me = served.call("GET", f"{USERS}/me", refreshed["access_token"]).json()
    assert me["picture"]


def test_the_background_refreshes_and_the_command_of_the_page_shows_that_the_client_is_told(
    served: Served,
) -> None:
    pair = served.register("told@example.com")
    command = LISTEN.replace("http://127.0.0.1:8080", served.process.url)
    with subprocess.Popen(
        ["/bin/sh", "-ec", f"exec {command} --max-time 120"],
        env={**os.environ, "ACCESS_TOKEN": pair["access_token"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as listening:
        assert listening.stdout is not None
        names = (line.split()[1] for line in listening.stdout if line.startswith("event: "))
        assert next(names) == "state"
        before = served.example.requests().get(REFRESH, 0)
        served.age_tokens(are_due=True)
        assert next(names) == "token.refreshed", "no request of a client has asked for it"
        listening.kill()
    assert served.example.requests()[REFRESH] > before


def test_a_person_registers_with_a_picture_logs_in_and_has_fresh_tokens(served: Served) -> None:
    email = "story@example.com"
    registered = served.register(email)
    me = served.call("GET", f"{USERS}/me", registered["access_token"]).json()
    picture = served.call("GET", me["picture"], registered["access_token"])
    assert picture.headers["content-type"] == "image/webp"
    login = {"email": email, "password": SECRET}
    pair = served.call("POST", f"{UPSTREAM}/theapi/token", json=login).json()
    own = served.call("GET", f"{UPSTREAM}/theapi/token", pair["access_token"]).json()["access_token"]
    served.age_tokens()
    before = served.example.requests().get(REFRESH, 0)
    refreshed = served.call(
        "POST", f"{AUTH}/refresh-token", json={"refresh_token": pair["refresh_token"]}
    ).json()
    assert refreshed["upstream"] == "fresh"
    assert served.example.requests()[REFRESH] > before
    newer = served.call("GET", f"{UPSTREAM}/theapi/token", refreshed["access_token"]).json()["access_token"]
    assert newer != own
    headers = {"Authorization": f"Bearer {newer}"}
    there = served.client.get(f"{served.example.url}/api/me", headers=headers).json()
    assert (there["username"], there["image"]["media_type"]) == (email, "image/webp")


def test_a_stream_tells_of_a_refresh_and_of_the_end_of_a_grant(served: Served) -> None:
    pair = served.register("events@example.com")
    token = pair["access_token"]
    with event_stream(served.process.url, token) as stream:
        assert stream.first["upstream"]["theapi"]["state"] == "active"
        first_expiry = datetime.fromisoformat(stream.first["upstream"]["theapi"]["access_expires_at"])
        served.age_tokens()
        served.call("GET", f"{UPSTREAM}/theapi/token", token)
        name, data = stream.next() or ("", {})
        assert (name, data.get("provider")) == ("token.refreshed", "theapi")
        assert datetime.fromisoformat(data["access_expires_at"]) >= first_expiry
        served.example.revoke_all()
        served.age_tokens()
        ended = served.client.get(
            f"{served.process.url}{UPSTREAM}/theapi/token", headers={"Authorization": f"Bearer {token}"}
        )
        assert ended.json()["code"] == "upstream_reauthentication_required"
        assert stream.next() == (
            "upstream.reauth_required",
            {"provider": "theapi", "reason": "invalid_grant"},
        )
    with event_stream(served.process.url, token) as stream:
        assert stream.first["upstream"]["theapi"]["state"] == "reauth_required"
