import uuid
from contextlib import suppress

import pytest

from doorward_client.bearer_auth import InsufficientPermissionError
from doorward_client.permissions import Role, permissions_of
from doorward_client.tokens import Claims
from doorward_tickets.tickets.errors import TicketClosedError
from doorward_tickets.tickets.workflow import Priority, TicketAction, TicketStatus, transition

AUTHOR, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def caller(role: str, user_id: uuid.UUID = OTHER) -> Claims:
    return Claims(user_id, uuid.UUID(int=3), "token", role, 0, 0, 300, permissions_of(role))


ROLES = [*Role, "sorcerer"]


@pytest.mark.parametrize("author", [caller(role, AUTHOR) for role in ROLES], ids=ROLES)
@pytest.mark.parametrize("status", TicketStatus)
def test_authors_may_reply_and_close_in_any_role(status: TicketStatus, author: Claims) -> None:
    assert transition(status, TicketAction.REPLY, author, AUTHOR) == TicketStatus.OPEN
    assert transition(status, TicketAction.CLOSE, author, AUTHOR) == TicketStatus.CLOSED


@pytest.mark.parametrize("status", TicketStatus)
def test_others_need_the_permission_to_manage_tickets(status: TicketStatus) -> None:
    assert transition(status, TicketAction.REPLY, caller("admin"), AUTHOR) == TicketStatus.OPEN
    for role in (Role.USER, Role.AUDITOR, "sorcerer"):
        for action in (TicketAction.REPLY, TicketAction.CLOSE):
            with pytest.raises(InsufficientPermissionError):
                transition(status, action, caller(role), AUTHOR)


def test_only_open_tickets_can_be_managed_but_not_by_their_authors() -> None:
    assert transition(TicketStatus.OPEN, TicketAction.UPDATE, caller("admin"), AUTHOR) == TicketStatus.OPEN
    with pytest.raises(InsufficientPermissionError):
        transition(TicketStatus.OPEN, TicketAction.UPDATE, caller("user", AUTHOR), AUTHOR)
    for role in Role:
        with pytest.raises(TicketClosedError):
            transition(TicketStatus.CLOSED, TicketAction.UPDATE, caller(role), AUTHOR)


def test_every_transition_has_a_status_or_an_error() -> None:
    for status in TicketStatus:
        for action in TicketAction:
            for role in Role:
                with suppress(TicketClosedError, InsufficientPermissionError):
                    assert transition(status, action, caller(role), AUTHOR) in TicketStatus


def test_priorities_are_stored_in_order() -> None:
    assert [Priority.of_rank(priority.rank) for priority in Priority] == list(Priority)
    assert [priority.rank for priority in Priority] == [0, 1, 2, 3], "stored: a new one needs a migration"
