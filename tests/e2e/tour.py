"""The steps, in order. What a step's docstring promises is printed under its title."""

from collections.abc import Callable
from typing import Final

import httpx2

from e2e.narration import StepFailedError
from e2e.steps import by_mail, directory, doors, passwords, records, tickets
from e2e.walk import Walk

STEPS: Final[tuple[tuple[str, Callable[[Walk], None]], ...]] = (
    ("Without a token", doors.without_a_token),
    ("Logging in", doors.logging_in),
    ("The directory: create, read, change, delete", directory.creating_and_changing),
    ("The directory: page by page", directory.paging),
    ("Roles", directory.roles),
    ("Disabling an account", directory.disabling),
    ("Refreshing, and a refresh token that was copied", doors.refreshing),
    ("Sessions", doors.sessions),
    ("Logging out", doors.logging_out),
    ("Verifying for a proxy", doors.asking_for_a_proxy),
    ("Changing a password", passwords.changing_a_password),
    ("Registering", by_mail.registering),
    ("Inviting", by_mail.inviting),
    ("A forgotten password", by_mail.resetting),
    ("Another address", by_mail.moving),
    ("The audit log", records.audit),
    ("One's own activity", records.activity),
    ("Tickets", tickets.asking_and_answering),
)


_NOT_AS_READ: Final = (LookupError, TypeError, ValueError, AttributeError)


def take(walk: Walk) -> None:
    """Take every step, and remove whom it has made whatever came of it; raises StepFailedError."""
    try:
        for title, step in STEPS:
            walk.narrator.begin(title, step.__doc__ or "")
            _take(step, walk)
    except BaseException:
        _clean_up_after_failure(walk)
        raise
    walk.narrator.begin("Leaving nothing behind")
    walk.narrator.proved(f"The {walk.clean_up()} people that this walk had made are removed")


def _take(step: Callable[[Walk], None], walk: Walk) -> None:
    try:
        step(walk)
    except _NOT_AS_READ as error:
        # What is not there to be read is a broken promise as well, and no reason for a traceback.
        walk.narrator.fail("an answer in the form that is promised", f"{type(error).__name__}: {error}")


def _clean_up_after_failure(walk: Walk) -> None:
    """Remove them as well as may be: the first failure is the one to tell of."""
    if not walk.has_made_somebody:
        return
    try:
        removed = walk.clean_up()
    except (StepFailedError, httpx2.HTTPError, *_NOT_AS_READ) as error:
        walk.narrator.say(f"      could not remove the people named e2e-{walk.run}-...: {error}")
    else:
        walk.narrator.say(f"      removed the {removed} people that this walk had made")
