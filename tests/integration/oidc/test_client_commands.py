"""`doorward client`: one client at a time, and a whole list as the chart has it."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from doorward.cli import main
from doorward_auth.client_secrets import is_secret_of
from doorward_auth.oidc.clients import repository
from doorward_identity.tables import oauth_clients, revocations
from doorward_kit.database import create_engine
from support.documentation import documented_line

Client = Callable[..., str]

MACHINE = {
    "client_id": "nightly",
    "kind": "machine",
    "name": "Nightly report",
    "audiences": ["https://reports.example.com"],
}
WEB: dict[str, Any] = {
    "client_id": "grafana",
    "kind": "confidential",
    "name": "Grafana",
    "redirect_uris": ["https://grafana.example.com/login/generic_oauth"],
}
SPA: dict[str, Any] = {**WEB, "client_id": "spa", "kind": "public", "name": "App"}
SECRETS = [f"a secret of the operator's own, number {number}" for number in range(4)]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", f"sqlite:///{tmp_path}/identity.db")
    # The log of this process is the tests' own.
    for module in ("cli", "client_commands"):
        monkeypatch.setattr(f"doorward.{module}.configure_logging", lambda *_: None)
    assert main(["migrate"]) == 0
    return create_engine(f"sqlite:///{tmp_path}/identity.db", pool_size=1, timeout=10)


@pytest.fixture
def run(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> Client:
    def client(*arguments: str, status: int = 0) -> str:
        assert engine is not None
        capsys.readouterr()
        assert main(["client", *arguments]) == status
        said = capsys.readouterr()
        return said.err if status else said.out

    return client


def is_secret(engine: sa.Engine, client_id: str, secret: str) -> bool:
    with engine.connect() as connection:
        client = repository.find(connection, client_id)
        assert client is not None
        return is_secret_of(secret, repository.secret_hashes(connection, client.id))


def test_a_client_is_added_and_its_secret_is_printed_once(run: Client, engine: sa.Engine) -> None:
    said = run(
        *("add", "grafana", "--redirect", "https://grafana.example.com/login/generic_oauth"),
        *(
            "--redirect",
            "http://localhost:3000/login/generic_oauth",
            "--scope",
            "openid",
            "--scope",
            "groups",
        ),
        *("--group", "ops", "--without-pkce", "--id-token-alg", "ES256", "--name", "Graphs"),
    )
    with engine.connect() as connection:
        client = repository.find(connection, "grafana")
    assert client is not None
    assert (client.name, client.kind, client.scopes) == ("Graphs", "confidential", ("openid", "groups"))
    assert client.redirect_uris == (
        "https://grafana.example.com/login/generic_oauth",
        "http://localhost:3000/login/generic_oauth",
    )
    assert (client.allowed_groups, client.require_pkce, client.id_token_alg) == (("ops",), False, "ES256")
    secret = said.splitlines()[1]
    assert secret.startswith("dwc_")
    assert is_secret(engine, "grafana", secret)
    assert run("list") == (
        "grafana  confidential  https://grafana.example.com/login/generic_oauth"
        " http://localhost:3000/login/generic_oauth\n"
    )
    second = run("add-secret", "grafana").strip()
    assert is_secret(engine, "grafana", second)
    assert "one or two" in run("add-secret", "grafana", status=1)
    run("remove-secret", "grafana")
    assert is_secret(engine, "grafana", second)
    assert not is_secret(engine, "grafana", secret)
    run("remove", "grafana")
    assert run("list") == ""


@pytest.mark.parametrize(
    ("page", "client_id", "audiences"),
    [
        ("openid-connect.md", "grafana", ()),
        ("openid-connect.md", "nightly", ("https://reports.example.com",)),
        ("applications.md", "kubernetes", ()),
    ],
)
def test_a_documented_command_registers_its_client(
    run: Client, engine: sa.Engine, page: str, client_id: str, audiences: tuple[str, ...]
) -> None:
    run(*documented_line(page, f"doorward client add {client_id} ").split()[2:])
    with engine.connect() as connection:
        client = repository.find(connection, client_id)
    assert client is not None
    assert tuple(client.audiences) == audiences


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["grafana"], "/redirect_uris: Users must be sent back"),
        (["grafana", "--redirect", "http://grafana.example.com/"], "/redirect_uris/0: The value is http"),
        (["two words", "--kind", "machine"], "/client_id"),
        (["nightly", "--kind", "machine", "--first-party"], "/first_party"),
        (["nightly", "--kind", "machine", "--secret-file", "/none"], "cannot be read"),
    ],
)
def test_a_mistake_is_said_in_one_line(run: Client, arguments: list[str], reason: str) -> None:
    said = run("add", *arguments, status=1)
    assert reason in said
    assert len(said.splitlines()) == 1
    assert run("list") == ""


def test_an_unknown_client_is_not_found(run: Client) -> None:
    for action in ("add-secret", "remove-secret", "remove"):
        assert "no such client" in run(action, "none", status=1)


class List:
    """A list of clients in a folder, with their secrets."""

    def __init__(self, folder: Path, run: Client) -> None:
        self.file = folder / "clients.json"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self._run = run

    def apply(self, *clients: object, status: int = 0, **secrets: str) -> str:
        self.file.write_text(json.dumps(clients))
        for name, secret in secrets.items():
            (self.secrets / name).write_text(secret + "\n")
        options = ("--managed-by", "chart", "--secrets", str(self.secrets))
        return self._run("apply", str(self.file), *options, status=status)


@pytest.fixture
def clients(tmp_path: Path, run: Client) -> List:
    return List(tmp_path, run)


def test_a_list_makes_the_clients_what_it_says(clients: List, run: Client, engine: sa.Engine) -> None:
    said = clients.apply(WEB, MACHINE, SPA, grafana=SECRETS[0], nightly=SECRETS[1])
    assert "3 clients of chart: 3 created, 0 changed, 0 deleted" in said
    assert is_secret(engine, "grafana", SECRETS[0])
    assert "0 created, 0 changed, 0 deleted" in clients.apply(WEB, MACHINE, SPA)
    run("add", "own", "--redirect", "https://own.example.com/")
    changed = {**WEB, "name": "Graphs", "scopes": ["openid"]}
    assert "0 created, 1 changed, 1 deleted" in clients.apply(changed, MACHINE)
    assert [line.split(" ")[0] for line in run("list").splitlines()] == ["grafana", "nightly", "own"]
    with engine.connect() as connection:
        client = repository.find(connection, "grafana")
    assert client is not None
    assert (client.name, client.scopes, client.managed_by) == ("Graphs", ("openid",), "chart")
    # A client that is no longer listed gets nothing at once: a machine's tokens end.
    machine = tokens_of(engine, "nightly")
    assert "1 deleted" in clients.apply(changed)
    with engine.connect() as connection:
        revoked = connection.execute(sa.select(revocations.c.subject_id, revocations.c.token_version)).all()
    assert (machine, 1) in {tuple(row) for row in revoked}
    for action in ("add-secret", "remove-secret", "remove"):
        assert "maintained by a list" in run(action, "grafana", status=1)


def tokens_of(engine: sa.Engine, client_id: str) -> uuid.UUID:
    with engine.connect() as connection:
        found: uuid.UUID = connection.execute(
            sa.select(oauth_clients.c.id).where(oauth_clients.c.client_id == client_id)
        ).scalar_one()
    return found


def test_a_new_secret_of_a_list_replaces_the_old_one_in_two_steps(clients: List, engine: sa.Engine) -> None:
    def valid() -> list[int]:
        return [number for number, secret in enumerate(SECRETS) if is_secret(engine, "grafana", secret)]

    clients.apply(WEB, grafana=SECRETS[0])
    assert valid() == [0]
    assert "1 changed" in clients.apply(WEB, grafana=SECRETS[1])
    assert valid() == [0, 1]  # the application may not have the new one yet
    clients.apply(WEB)
    assert valid() == [1]
    clients.apply(WEB, grafana=SECRETS[2])
    clients.apply(WEB, grafana=SECRETS[3])
    assert valid() == [2, 3]


def test_a_list_takes_no_client_that_is_not_its_own(clients: List, run: Client, engine: sa.Engine) -> None:
    run("add", "grafana", "--redirect", "https://own.example.com/")
    said = clients.apply(MACHINE, WEB, nightly=SECRETS[1], grafana=SECRETS[0], status=1)
    assert "grafana exists and is not of this list" in said
    assert [line.split(" ")[0] for line in run("list").splitlines()] == ["grafana"]  # all or nothing
    assert not is_secret(engine, "grafana", SECRETS[0])


@pytest.mark.parametrize(
    ("members", "secrets", "reason"),
    [
        ([WEB], {}, "grafana cannot be read"),
        ([WEB], {"grafana": "dwc_too_few"}, "shorter than 32 bytes"),
        ([WEB, WEB], {"grafana": SECRETS[0]}, "a client_id twice"),
        (
            [{**WEB, "redirect_uris": ["https://*.example.com/"]}],
            {},
            "grafana: /redirect_uris/0: The value has",
        ),
        ([{**WEB, "secret": "x"}], {}, "grafana: /secret"),
        (["text"], {}, "a client: "),
    ],
)
def test_a_list_with_a_mistake_changes_nothing(
    clients: List, run: Client, members: list[Any], secrets: dict[str, str], reason: str
) -> None:
    said = clients.apply(*members, status=1, **secrets)
    assert reason in said
    assert all(secret not in said for secret in secrets.values())
    assert run("list") == ""


def test_the_kind_of_a_listed_client_stays(clients: List) -> None:
    clients.apply(WEB, grafana=SECRETS[0])
    assert "is confidential" in clients.apply({**WEB, "kind": "public"}, status=1)


def test_a_job_waits_for_the_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    monkeypatch.setattr("doorward.client_commands.configure_logging", lambda *_: None)
    (tmp_path / "clients.json").write_text("[]")
    assert main(["client", "apply", str(tmp_path / "clients.json"), "--wait", "0.1"]) == 1
    said = capsys.readouterr()
    assert "The schema is at revision" in said.out
    assert "the database cannot be used" in said.err
