"""The example of docs/examples/bookmarks, a service on doorward_kit, started as the chart starts it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from integration.harness.installation import AUTH
from integration.harness.problems import assert_problem
from integration.remote.deployment import CLIENT, RemoteDeployment, SignedIn
from support.databases import DatabaseServer
from support.ports import free_port
from support.probes import http_status
from support.processes import Process

EXAMPLE: Final = Path(__file__).parents[3] / "docs" / "examples" / "bookmarks" / "bookmarks.py"
BOOKMARKS: Final = "/api/v1/bookmarks"


class Bookmarks(Process):
    """The example as a process with a MariaDB database of its own."""

    def __init__(self, log: Path, *, auth_url: str, database_url: str) -> None:
        self.port = free_port()
        super().__init__(
            "bookmarks",
            [sys.executable, EXAMPLE],
            log=log,
            ready=lambda: http_status(self.port, "/readyz") == 200,
            env={
                "DOORWARD_AUTH_URL": auth_url,
                "DOORWARD_CLIENT_ID": CLIENT[0],
                "DOORWARD_CLIENT_SECRET": CLIENT[1],
                "DOORWARD_DATABASE_URL": database_url,
                "DOORWARD_PAGINATION_SECRET": "a secret of the bookmarks' cursors: 0123",
                "DOORWARD_HOST": "127.0.0.1",
                "DOORWARD_PORT": str(self.port),
            },
        )

    def call(self, method: str, path: str, user: SignedIn | None, **options: Any) -> httpx2.Response:
        headers = {} if user is None else {"Authorization": f"Bearer {user.access}"}
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx2.request(method, url, headers=headers, timeout=20.0, trust_env=False, **options)


@pytest.fixture(scope="module")
def example(
    mariadb_server: DatabaseServer, shared_remote: RemoteDeployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bookmarks]:
    folder = tmp_path_factory.mktemp("bookmarks")
    auth_url = f"{shared_remote.auth.url}{AUTH}"
    with (
        mariadb_server.create_database("bm") as own,
        Bookmarks(folder / "bookmarks.log", auth_url=auth_url, database_url=own.url) as example,
    ):
        yield example


def test_a_user_adds_lists_and_deletes_bookmarks(example: Bookmarks, deployment: RemoteDeployment) -> None:
    user = deployment.sign_in()
    added = [
        example.call("POST", BOOKMARKS, user, json={"url": f"https://example.com/{number}"})
        for number in range(2)
    ]
    assert [response.status_code for response in added] == [201, 201]
    first, second = (response.json() for response in added)
    assert example.call("GET", BOOKMARKS, user).json() == [second, first]
    assert example.call("DELETE", f"{BOOKMARKS}/{first['id']}", user).status_code == 204
    assert example.call("GET", BOOKMARKS, user).json() == [second]


def test_another_users_bookmark_does_not_exist(example: Bookmarks, deployment: RemoteDeployment) -> None:
    user, other = deployment.sign_in(), deployment.sign_in()
    body = {"url": "https://example.com/"}
    path = f"{BOOKMARKS}/{example.call('POST', BOOKMARKS, user, json=body).json()['id']}"
    assert example.call("GET", BOOKMARKS, other).json() == []
    assert_problem(example.call("DELETE", path, other), 404, "bookmark_not_found")
    assert len(example.call("GET", BOOKMARKS, user).json()) == 1


def test_it_rejects_as_every_service_does(example: Bookmarks, deployment: RemoteDeployment) -> None:
    user = deployment.sign_in()
    assert_problem(example.call("GET", BOOKMARKS, None), 401, "not_authenticated")
    assert_problem(example.call("POST", BOOKMARKS, user, json={"url": "javascript:x"}), 422)
    assert_problem(example.call("GET", f"{BOOKMARKS}X", user), 404)
    deployment.log_out(user)
    reads = 0
    while example.call("GET", BOOKMARKS, user).status_code != 401:
        reads += 1
        assert reads < 10_000, "the token stays valid"


def test_a_user_has_a_limited_number_of_bookmarks(example: Bookmarks, deployment: RemoteDeployment) -> None:
    user = deployment.sign_in()
    body = {"url": "https://example.com/"}
    statuses = [example.call("POST", BOOKMARKS, user, json=body).status_code for _ in range(51)]
    assert statuses == [201] * 50 + [409]
