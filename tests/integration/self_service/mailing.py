"""An installation over a database of its own, whose mail arrives in a folder."""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doorward_identity.schema import PACKAGE
from integration.harness import contents
from integration.harness.databases import NewDatabase, migrate_all
from integration.harness.installation import Installation
from integration.self_service.mailbox import Mailbox
from support.reaper import temporary_folder


@dataclass(frozen=True)
class Mailing:
    """An installation, and the folder that its mail arrives in."""

    installation: Installation
    mailbox_dir: Path

    def emptied(self) -> Mailbox:
        """Return the folder's mailbox, without mail."""
        mailbox = Mailbox(self.installation.execute, self.mailbox_dir, self.installation.send_mail)
        mailbox.empty()
        return mailbox


@contextmanager
def mailings(new_database: NewDatabase, label: str, **settings: Any) -> Iterator[Callable[[str], Mailing]]:
    """Give the installation of a backend, whose outbox has no other worker; it runs to the block's end."""
    with ExitStack() as stack:

        @functools.cache
        def mailing_on(backend: str) -> Mailing:
            url = new_database(backend, label)
            mailbox = stack.enter_context(temporary_folder(in_memory=True))
            migrate_all(url, PACKAGE)
            contents.watch(url)
            installation = Installation(
                url, mailbox_dir=mailbox, mailbox_size=10_000, mail_poll_seconds=60, **settings
            )
            return Mailing(stack.enter_context(installation), mailbox)

        yield mailing_on
