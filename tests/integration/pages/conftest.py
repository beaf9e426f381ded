"""Auth with pages, over a database of its own, with a mail worker that writes to a folder."""

from collections.abc import Callable, Iterator

import pytest

from integration.harness.databases import NewDatabase
from integration.harness.installation import Installation
from integration.pages.browsing import PUBLIC_URL, Browser
from integration.self_service.mailbox import Mailbox
from integration.self_service.mailing import Mailing, mailings


@pytest.fixture(scope="session")
def paged_installations(new_database: NewDatabase) -> Iterator[Callable[[str], Mailing]]:
    """Auth and users with a public URL."""
    with mailings(new_database, "pages", public_url=PUBLIC_URL) as paged_on:
        yield paged_on


@pytest.fixture
def paged(paged_installations: Callable[[str], Mailing], backend: str) -> Mailing:
    return paged_installations(backend)


@pytest.fixture
def mailbox(paged: Mailing) -> Mailbox:
    """The mail folder, emptied."""
    return paged.emptied()


@pytest.fixture
def shared_installation(paged: Mailing, mailbox: Mailbox) -> Installation:  # noqa: ARG001 - emptied first: its worker writes to the rows that go
    return paged.installation


@pytest.fixture
def browser(installation: Installation) -> Browser:
    """A browser that has not been here."""
    return Browser(installation)
