"""`doorward serve` as started by `make run`: a process on SQLite without preparation."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

import support.standalone
from doorward_client.keys.key_set import KeySet
from integration.harness.deployment import wait_until
from support.ports import free_port
from support.probes import http_status
from support.processes import ProcessError

CHOSEN = "correct horse battery staple"
FIRST_PASSWORD = re.compile(r"with the temporary password (\S+) \(shown this once\)")


class Standalone(support.standalone.Standalone):
    @property
    def api(self) -> str:
        return f"{self.url}/api/v1"

    def log_in(self, password: str, email: str = "admin@example.com") -> httpx2.Response:
        return httpx2.post(f"{self.api}/auth/token", json={"email": email, "password": password})


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    with Standalone(tmp_path_factory.mktemp("standalone")) as process:
        yield process


def first_password(process: Standalone) -> str:
    found = FIRST_PASSWORD.search(process.log_text())
    assert found is not None, process.log_text()
    return found[1]


def choose_password(process: Standalone, current: str) -> str:
    body = {"email": "admin@example.com", "current_password": current, "new_password": CHOSEN}
    assert httpx2.post(f"{process.api}/auth/password", json=body).status_code == 204
    return CHOSEN


class OnIPv6(Standalone):
    """A process that listens on IPv6 alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, DOORWARD_HOST="::1")
        self.url = f"http://[::1]:{self.port}"
        self._ready = lambda: http_status(self.port, "/readyz", "::1") == 200


def test_serve_on_ipv6_prints_its_url_and_serves(tmp_path: Path) -> None:
    with OnIPv6(tmp_path) as process:
        assert f"  Doorward is running at  {process.url}\n" in process.log_text()
        chosen = choose_password(process, first_password(process))
        assert process.log_in(chosen).status_code == 200
        assert httpx2.get(process.mailbox_page).status_code == 200


def test_serve_prints_its_url_and_a_login_that_is_to_be_replaced(standalone: Standalone) -> None:
    printed = standalone.log_text()
    assert f"http://127.0.0.1:{standalone.port}" in printed
    assert f"http://127.0.0.1:{standalone.port}/docs" in printed
    generated = first_password(standalone)
    rejected = standalone.log_in(generated)
    assert (rejected.status_code, rejected.json()["code"]) == (403, "password_change_required")
    chosen = choose_password(standalone, generated)
    assert standalone.log_in(chosen).status_code == 200
    assert standalone.log_in(generated).status_code == 401


def test_the_temporary_password_is_replaced_at_the_page_that_is_printed(standalone: Standalone) -> None:
    page = f"{standalone.url}/auth/login"
    assert f"choose your own at {page}\n" in standalone.log_text()
    assert httpx2.get(page).status_code == 200


def test_serve_routes_by_the_prefixes_of_the_ingress(standalone: Standalone) -> None:
    base = f"http://127.0.0.1:{standalone.port}"
    keys = httpx2.get(f"{base}/api/v1/auth/jwks.json").json()["keys"]
    assert sorted(key["alg"] for key in keys) == ["ES256", "RS256"]  # the shared secret is not among them
    metadata = httpx2.get(f"{base}/api/v1/auth/.well-known/openid-configuration").json()
    assert metadata["issuer"] == f"{base}/api/v1/auth"
    assert httpx2.get(f"{base}/api/v1/users/me").json()["code"] == "not_authenticated"
    assert httpx2.get(f"{base}/api/v1/tickets").json()["code"] == "not_authenticated"
    for nobodys in (
        "/api/v1/usersX",
        "/api/v1/ticketsX",
        "/api/v1/authority",
        "/api/v1",
        "/api/v1/users/me/../../x",
    ):
        assert httpx2.get(base + nobodys).json()["code"] == "not_found"


def test_the_docs_need_no_network(standalone: Standalone) -> None:
    base = f"http://127.0.0.1:{standalone.port}"
    page = httpx2.get(f"{base}/docs")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("/docs/")
        assert httpx2.get(base + address).status_code == 200
    paths = httpx2.get(f"{base}/openapi.json").json()["paths"]
    assert {"/api/v1/auth/token", "/api/v1/users/{user_id}", "/api/v1/tickets"} <= paths.keys()


def test_tickets_have_their_own_database_file(tmp_path: Path) -> None:
    with Standalone(tmp_path) as process:
        password = choose_password(process, first_password(process))
        token = process.log_in(password).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        body = {"subject": "The printer is on fire", "body": "Third floor."}
        created = httpx2.post(f"{process.api}/tickets", headers=headers, json=body)
        assert created.status_code == 201, created.text
        assert created.json()["author"]["name"] == "Administrator"
        listed = httpx2.get(f"{process.api}/tickets?q=print", headers=headers).json()["items"]
        assert [user["id"] for user in listed] == [created.json()["id"]]
        metrics = httpx2.get(f"http://127.0.0.1:{process.port}/metrics").text
        for executor in ("database", "tickets"):
            assert f'doorward_executor_queue_depth{{executor="{executor}"}}' in metrics
    assert (tmp_path / "var" / "tickets.db").exists()


def test_operational_routes_are_on_the_same_port(standalone: Standalone) -> None:
    base = f"http://127.0.0.1:{standalone.port}"
    assert httpx2.get(f"{base}/livez").status_code == 200
    assert 'executor="hash"' in httpx2.get(f"{base}/metrics").text


def test_a_second_run_keeps_the_data_and_tokens(tmp_path: Path) -> None:
    process = Standalone(tmp_path).start()
    password = choose_password(process, first_password(process))
    token = process.log_in(password).json()["access_token"]
    assert process.stop() == 0
    process.start()
    assert process.log_text().count("shown this once") == 1
    assert process.log_in(password).status_code == 200
    mine = httpx2.get(f"{process.api}/users/me", headers={"Authorization": f"Bearer {token}"})
    assert mine.json()["email"] == "admin@example.com"
    process.stop()


def test_the_generated_key_is_readable_only_by_its_owner(standalone: Standalone) -> None:
    keys = Path(standalone.env["DOORWARD_DATA_DIR"]) / "keys.json"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert len(KeySet.parse(keys.read_bytes()).secrets(0)[0]) >= 32


def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    process = Standalone(tmp_path)
    process.stop_signal = signal.SIGINT  # type: ignore[misc]  # this one process is stopped by hand
    process.start()
    assert process.stop() == 0
    assert "Traceback" not in process.log_text()


def test_the_administrators_login_can_be_configured(tmp_path: Path) -> None:
    process = Standalone(
        tmp_path,
        DOORWARD_ADMIN_EMAIL="ada@example.com",
        DOORWARD_ADMIN_PASSWORD="the analytical engine",
    )
    with process:
        assert process.log_in("the analytical engine", "ada@example.com").status_code == 200
        assert "the analytical engine" not in process.log_text()


def one_line_of_failure(process: Standalone) -> str:
    process._ready = lambda: False  # on a taken port the other process would respond
    with pytest.raises(ProcessError, match="ended at once with status 1"):
        process.start()
    lines = process.log_text().strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("doorward: ")
    return lines[0]


def test_a_taken_port_is_a_one_line_error(standalone: Standalone, tmp_path: Path) -> None:
    line = one_line_of_failure(Standalone(tmp_path, port=standalone.port))
    assert f"127.0.0.1:{standalone.port}" in line
    assert "PORT=" in line


def test_a_broken_database_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "doorward.db").write_text("this is no database " * 100)
    line = one_line_of_failure(Standalone(tmp_path))
    assert line.endswith("file is not a database (see DOORWARD_DATA_DIR)")


def test_an_unreachable_database_is_a_one_line_error(tmp_path: Path) -> None:
    url = f"mysql+pymysql://doorward:s3cret@127.0.0.1:{free_port()}/doorward"
    line = one_line_of_failure(
        Standalone(tmp_path, DOORWARD_DATABASE_URL=url, DOORWARD_TICKETS_DATABASE_URL=f"{url}_tickets")
    )
    assert "Can't connect" in line
    assert line.endswith("(see DOORWARD_DATABASE_URL and DOORWARD_TICKETS_DATABASE_URL)")
    assert "s3cret" not in line


def test_tickets_on_a_server_require_their_own_database(tmp_path: Path) -> None:
    url = f"mysql+pymysql://doorward:s3cret@127.0.0.1:{free_port()}/doorward"
    line = one_line_of_failure(Standalone(tmp_path, DOORWARD_DATABASE_URL=url))
    assert "DOORWARD_TICKETS_DATABASE_URL is not set" in line


def test_a_start_that_fails_creates_no_administrator_whose_password_no_one_has_seen(tmp_path: Path) -> None:
    one_line_of_failure(Standalone(tmp_path, DOORWARD_THEME_DIR=str(tmp_path / "missing")))
    with Standalone(tmp_path) as process:
        assert process.log_in(first_password(process)).status_code == 403


def test_a_weak_key_is_a_one_line_error(tmp_path: Path) -> None:
    line = one_line_of_failure(Standalone(tmp_path, SECRET_KEY="short"))
    assert "SECRET_KEY is shorter" in line
    assert "DOORWARD_SECRET_KEY" not in line, "it names the variable that was set"


def test_an_unwritable_data_directory_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    assert "DOORWARD_DATA_DIR" in one_line_of_failure(Standalone(tmp_path))


def test_a_mailbox_that_cannot_be_written_is_a_one_line_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = one_line_of_failure(Standalone(tmp_path, DOORWARD_MAILBOX_DIR=str(tmp_path / "file" / "mailbox")))
    assert "DOORWARD_MAILBOX_DIR cannot be used" in line


def test_serve_is_ready_only_with_the_schema_of_both_databases(tmp_path: Path) -> None:
    with Standalone(tmp_path) as process:
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'var' / 'tickets.db'}")
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version_tickets SET version_num = '0000'")
        engine.dispose()
        wait_until(lambda: http_status(process.port, "/readyz") == 503, "unready")
        assert http_status(process.port, "/livez") == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/docs", "/readyz", "/mailbox", "/api/v1/users", "/api/v1/auth/me"])
def test_other_hosts_are_misdirected(standalone: Standalone, host: str, path: str) -> None:
    """A page whose name resolves to this machine (DNS rebinding) reads nothing."""
    answer = httpx2.get(f"{standalone.url}{path}", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "misdirected_request")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_mail_is_shown_at_the_printed_address_alone(standalone: Standalone) -> None:
    assert httpx2.get(standalone.mailbox_page).status_code == 200
    assert httpx2.get(f"{standalone.url}/mailbox").status_code == 404
    assert httpx2.get(standalone.mailbox_page, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 404
    key = standalone.mailbox_page.rpartition("/")[2]
    assert standalone.log_text().count(key) == 1


def test_data_is_readable_by_its_user_alone(standalone: Standalone) -> None:
    email = {"email": "admin@example.com"}
    assert httpx2.post(f"{standalone.api}/auth/password/reset", json=email).status_code == 202
    wait_until(lambda: any(standalone.mailbox.glob("*.eml")), "mailed")
    modes = {path: path.stat().st_mode & 0o777 for path in [standalone.data, *standalone.data.rglob("*")]}
    assert {"doorward.db", "tickets.db", "keys.json"} <= {path.name for path in modes}
    assert {path.name: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
