"""What pages of other origins can read, in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from browser.application import Application
from browser.complaints import UNREADABLE
from doorward_kit.database import create_engine
from integration.harness.installation import AUTH

FAILED = {"failed": "Failed to fetch"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def expected_complaints() -> tuple[str, ...]:
    """A page may not read an answer, or the service has failed."""
    return (*UNREADABLE, r"Failed to load resource: the server responded with a status of 5\d\d .*")


@pytest.fixture
def page(context: BrowserContext, application: Application) -> Page:
    """A page of the listed origin."""
    return application.open(context)


@contextmanager
def without_a_table(application: Application) -> Iterator[None]:
    """Break the service: every statement about sessions fails."""
    engine = create_engine(application.database_url, pool_size=1, timeout=10)
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE sessions RENAME TO lost")
        try:
            yield
        finally:
            connection.exec_driver_sql("ALTER TABLE lost RENAME TO sessions")
    engine.dispose()


def key_set_tag(application: Application, page: Page) -> str:
    tag: str = application.call(page, f"{AUTH}/jwks.json")["headers"]["etag"]
    return tag


def access_token(application: Application, page: Page) -> str:
    credentials = f'{{"email": "{application.admin.email}", "password": "{application.admin.password}"}}'
    answer = application.call(page, f"{AUTH}/token", method="POST", headers=JSON, body=credentials)
    assert answer["status"] == 200, answer
    body: str = answer["body"]
    return body.split('"access_token":"')[1].split('"', maxsplit=1)[0]


REJECTIONS: dict[str, tuple[str, dict[str, Any], int]] = {
    "401": (f"{AUTH}/me", {"headers": {"Authorization": "Bearer nonsense"}}, 401),
    "404": (f"{AUTH}/nothing", {"method": "PATCH", "headers": {"If-Match": '"1"'}}, 404),
    "405": (f"{AUTH}/me", {"method": "DELETE"}, 405),
    "413": (f"{AUTH}/token", {"method": "POST", "headers": JSON, "body": "x" * 70_000}, 413),
    "415": (f"{AUTH}/token", {"method": "POST", "headers": {"Content-Type": "text/plain"}, "body": "x"}, 415),
    "422": (f"{AUTH}/token", {"method": "POST", "headers": JSON, "body": "{}"}, 422),
}


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_rejections_are_readable_from_the_listed_origin_alone(
    application: Application, context: BrowserContext, page: Page, rejection: str
) -> None:
    path, options, status = REJECTIONS[rejection]
    answer = application.call(page, path, **options)
    assert answer["status"] == status
    assert '"code":"' in answer["body"]
    assert answer["headers"]["x-request-id"] in answer["body"]
    for origin in (application.unlisted, application.foreign):
        assert application.call(application.open(context, origin), path, **options) == FAILED


def test_a_failure_of_the_service_is_readable_too(
    application: Application, context: BrowserContext, page: Page
) -> None:
    options = {"headers": {"Authorization": f"Bearer {access_token(application, page)}"}}
    other = application.open(context, application.unlisted)
    with without_a_table(application):
        answer = application.call(page, f"{AUTH}/sessions", **options)
        assert application.call(other, f"{AUTH}/sessions", **options) == FAILED
    assert answer["status"] >= 500
    assert application.call(page, f"{AUTH}/sessions", **options)["status"] == 200


def test_an_answer_that_has_not_changed_is_readable(application: Application, page: Page) -> None:
    tag = key_set_tag(application, page)
    again = application.call(
        page, f"{AUTH}/jwks.json", headers={"If-None-Match": tag}, cache="no-store", method="GET"
    )
    assert (again["status"], again["headers"]["etag"]) == (304, tag)


def test_keys_are_readable_by_every_page(application: Application, context: BrowserContext) -> None:
    for origin in (application.unlisted, application.foreign):
        other = application.open(context, origin)
        assert application.call(other, f"{AUTH}/jwks.json")["status"] == 200
        assert application.call(other, f"{AUTH}/jwks.json", credentials="include") == FAILED


def test_a_token_is_sent_without_cookies(application: Application, page: Page) -> None:
    headers = {"Authorization": f"Bearer {access_token(application, page)}"}
    assert application.call(page, f"{AUTH}/me", headers=headers)["status"] == 200
    assert application.call(page, f"{AUTH}/me", headers=headers, credentials="include") == FAILED
