"""The recipients of mail about a ticket: the other participants, at their current address."""

import pytest

from integration.harness.installation import Installation
from integration.harness.people import People, enrol
from integration.harness.tickets import open_ticket, path_of
from integration.tickets.mailing import (
    assign,
    events,
    let_time_pass,
    reply,
    settled,
    waiting,
)
from support.smtp import SmtpServer


def test_a_reply_notifies_the_other_participant(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    reply(mailing, people.user, path)
    assert waiting(mailing) == [], "without a responder there is no recipient"
    reply(mailing, people.admin, path)
    (first,) = settled(mailing, smtp)
    assert events([first]) == [("user@example.com", "Ticket # has a new reply")]
    reply(mailing, people.user, path)
    mailing.call("PATCH", f"{path}/close", people.admin.access)
    assert events(settled(mailing, smtp)) == [
        ("admin@example.com", "Ticket # has a new reply"),
        ("user@example.com", "Ticket # has a new reply"),
        ("user@example.com", "Ticket # was closed"),
    ]


def test_an_assignment_notifies_the_assignee_and_the_author(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.deputy)
    assert events(settled(mailing, smtp)) == [
        ("deputy@example.com", "You are assigned to ticket #"),
        ("user@example.com", "Your ticket # is assigned"),
    ]
    reply(mailing, people.user, path)
    mailing.call("PATCH", f"{path}/close", people.user.access)
    mails = settled(mailing, smtp)[2:]
    assert events(mails) == [
        ("deputy@example.com", "Ticket # has a new reply"),
        ("deputy@example.com", "Ticket # was closed"),
    ]


def test_the_acting_user_gets_no_mail(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.admin))
    assign(mailing, people.admin, path, people.admin)
    reply(mailing, people.admin, path)
    mailing.call("PATCH", f"{path}/close", people.admin.access)
    assert (waiting(mailing), smtp.mails()) == ([], [])


def test_an_update_without_changes_sends_no_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    headers = {"Idempotency-Key": "once"}
    body = {"body": "Once."}
    for _ in range(3):
        mailing.call("POST", f"{path}/replies", people.admin.access, json=body, headers=headers)
        mailing.call("PUT", path, people.admin.access, json=body)
    for _ in range(2):
        assign(mailing, people.admin, path, people.deputy)
        mailing.call("PATCH", path, people.admin.access, json={"priority": "high"})
    for _ in range(2):
        mailing.call("PATCH", f"{path}/close", people.deputy.access)
    settled(mailing, smtp)
    let_time_pass(mailing)
    mailing.call("PATCH", f"{path}/close", people.deputy.access)
    assert sorted(event for _, event in events(settled(mailing, smtp))) == [
        "Ticket # has a new reply",
        "Ticket # was closed",
        "You are assigned to ticket #",
        "Your ticket # is assigned",
    ]


def test_a_rolled_back_change_sends_no_mail(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    headers = {"If-Match": '"99"'}
    answer = mailing.call("POST", f"{path}/replies", people.admin.access, json={"body": "x"}, headers=headers)
    assert answer.status_code == 412
    assert (waiting(mailing), smtp.mails()) == ([], [])


@pytest.mark.parametrize("fate", ["deleted", "disabled"])
def test_deleted_and_disabled_users_get_no_mail(
    mailing: Installation, people: People, smtp: SmtpServer, fate: str
) -> None:
    gone = enrol(mailing, people.admin)
    path = path_of(open_ticket(mailing, gone))
    if fate == "deleted":
        assert mailing.call("DELETE", gone.path, people.admin.access).status_code == 204
    else:
        mailing.call("PATCH", gone.path, people.admin.access, json={"status": "disabled"})
    reply(mailing, people.admin, path)
    assert settled(mailing, smtp) == []


@pytest.mark.parametrize("was", ["assignee", "last to answer"])
def test_the_latest_responder_is_notified_instead_of_a_deleted_user(
    mailing: Installation, people: People, smtp: SmtpServer, was: str
) -> None:
    """Otherwise no one would be notified that the author still waits."""
    path = path_of(open_ticket(mailing, people.user))
    reply(mailing, people.admin, path)
    if was == "assignee":
        assign(mailing, people.admin, path, people.deputy)
    else:
        reply(mailing, people.deputy, path)
    let_time_pass(mailing)
    sent = len(settled(mailing, smtp))
    assert mailing.call("DELETE", people.deputy.path, people.admin.access).status_code == 204
    mailing.follow_deletions()
    reply(mailing, people.user, path)
    assert events(settled(mailing, smtp)[sent:]) == [("admin@example.com", "Ticket # has a new reply")]


def test_a_user_without_access_to_the_ticket_gets_no_mail(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    assign(mailing, people.admin, path, people.deputy)
    settled(mailing, smtp)
    sent = len(smtp.mails())
    mailing.call("PATCH", people.deputy.path, people.admin.access, json={"role": "user"})
    reply(mailing, people.user, path)
    assert settled(mailing, smtp)[sent:] == []


def test_mail_is_sent_to_the_current_address_which_is_not_stored(
    mailing: Installation, people: People, smtp: SmtpServer
) -> None:
    path = path_of(open_ticket(mailing, people.user))
    body = {"email": "moved@example.com"}
    assert mailing.call("PATCH", people.user.path, people.admin.access, json=body).status_code == 200
    smtp.freeze()
    reply(mailing, people.admin, path)
    assert [(row[1], "@" in row[2]) for row in waiting(mailing)] == [(None, False)]
    smtp.thaw()
    assert events(settled(mailing, smtp))[0][0] == "moved@example.com"
