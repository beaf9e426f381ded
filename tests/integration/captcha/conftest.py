"""Two auth processes over one MariaDB that verify captcha tokens at a fake provider."""

from collections.abc import AsyncIterator, Iterator

import pytest

from integration.harness.bulk_users import Member, enrol
from integration.rate_limiting.callers import Auths
from support.databases import DatabaseServer
from support.siteverify import SECRET, SiteVerify

TIMEOUT_SECONDS = 5.0
"""Long enough for a response of the provider on a busy machine."""


@pytest.fixture(scope="module")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteVerify]:
    with SiteVerify(tmp_path_factory.mktemp("siteverify")) as service:
        yield service


@pytest.fixture
def service(running_service: SiteVerify) -> Iterator[SiteVerify]:
    """The captcha provider, restored after each test."""
    yield running_service
    running_service.behave()
    running_service.thaw() if running_service.alive else running_service.start()


@pytest.fixture(scope="module")
def settings(running_service: SiteVerify, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    secret = tmp_path_factory.mktemp("secret") / "captcha"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    return {
        "DOORWARD_CAPTCHA_VERIFY_URL": running_service.url,
        "DOORWARD_CAPTCHA_SECRET_FILE": str(secret),
        "DOORWARD_CAPTCHA_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
    }


@pytest.fixture(scope="module")
def asking_auths(
    settings: dict[str, str | None], mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Auths]:
    folder = tmp_path_factory.mktemp("captcha")
    with (
        mariadb_server.create_database("captcha") as database,
        Auths(database, folder, count=2, **settings) as auths,
    ):
        yield auths


@pytest.fixture
async def auths(asking_auths: Auths) -> AsyncIterator[Auths]:
    yield asking_auths
    await asking_auths.close()


@pytest.fixture
def member(auths: Auths) -> Member:
    return enrol(auths.database.url, 1)[0]
