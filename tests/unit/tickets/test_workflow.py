from contextlib import suppress

import pytest

from doorward_client.bearer_auth import InsufficientRoleError
from doorward_client.roles import Role
from doorward_tickets.tickets.errors import TicketClosedError
from doorward_tickets.tickets.workflow import Action, Priority, TicketStatus, move


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("status", TicketStatus)
def test_a_reply_opens_and_closing_closes_whoever_does_it(status: TicketStatus, role: Role) -> None:
    assert move(status, Action.REPLY, role) == TicketStatus.OPEN
    assert move(status, Action.CLOSE, role) == TicketStatus.CLOSED


def test_administrators_alone_manage_and_only_open_tickets() -> None:
    assert move(TicketStatus.OPEN, Action.MANAGE, Role.ADMIN) == TicketStatus.OPEN
    with pytest.raises(InsufficientRoleError):
        move(TicketStatus.OPEN, Action.MANAGE, Role.USER)
    for role in Role:
        with pytest.raises(TicketClosedError):
            move(TicketStatus.CLOSED, Action.MANAGE, role)


def test_every_move_ends_in_a_status_or_is_refused_by_name() -> None:
    for status in TicketStatus:
        for action in Action:
            for role in Role:
                with suppress(TicketClosedError, InsufficientRoleError):
                    assert move(status, action, role) in TicketStatus


def test_priorities_are_stored_in_their_order() -> None:
    assert [Priority.of_rank(one.rank) for one in Priority] == list(Priority)
    assert [one.rank for one in Priority] == [0, 1, 2, 3], "stored: a new one needs a migration"
