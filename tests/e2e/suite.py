"""The steps, in order. The docstring of a step is printed under its title."""

from collections.abc import Callable
from typing import Final

import httpx2

from e2e.context import Context
from e2e.reporter import StepFailedError
from e2e.steps import audit, directory, passwords, pictures, registration, sessions, tickets

STEPS: Final[tuple[tuple[str, Callable[[Context], None]], ...]] = (
    ("Without a token", sessions.without_a_token),
    ("Logging in", sessions.logging_in),
    ("The directory: create, read, change, delete", directory.creating_and_changing),
    ("The directory: page by page", directory.paging),
    ("Roles", directory.roles),
    ("Disabling an account", directory.disabling),
    ("Refreshing, and a refresh token that was copied", sessions.refreshing),
    ("Sessions", sessions.sessions),
    ("Logging out", sessions.logging_out),
    ("Verifying for a proxy", sessions.asking_for_a_proxy),
    ("Changing a password", passwords.changing_a_password),
    ("Registering", registration.registering),
    ("Inviting", registration.inviting),
    ("A forgotten password", registration.resetting),
    ("Another address", registration.moving),
    ("The audit log", audit.audit),
    ("One's own activity", audit.activity),
    ("Tickets", tickets.asking_and_answering),
    ("Pictures", pictures.pictures),
)


_NOT_AS_READ: Final = (LookupError, TypeError, ValueError, AttributeError)


def take(context: Context) -> None:
    """Run every step and remove the created users, also after a failure; raises StepFailedError."""
    try:
        for title, step in STEPS:
            context.reporter.begin(title, step.__doc__ or "")
            _take(step, context)
    except BaseException:
        _clean_up_after_failure(context)
        raise
    context.reporter.begin("Leaving nothing behind")
    context.reporter.proved(f"The {context.clean_up()} people that this run had made are removed")


def _take(step: Callable[[Context], None], context: Context) -> None:
    try:
        step(context)
    except _NOT_AS_READ as error:
        # A response in another form is a failed check, not a crash of the suite.
        context.reporter.fail("a response in the documented form", f"{type(error).__name__}: {error}")


def _clean_up_after_failure(context: Context) -> None:
    """Try to remove the created users; a second failure must not hide the first."""
    if not context.has_created_users:
        return
    try:
        removed = context.clean_up()
    except (StepFailedError, httpx2.HTTPError, *_NOT_AS_READ) as error:
        context.reporter.say(f"      could not remove the users named e2e-{context.run}-...: {error}")
    else:
        context.reporter.say(f"      removed the {removed} people that this run had made")
