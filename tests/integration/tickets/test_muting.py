"""Subscriptions: a user who unsubscribes from a ticket gets no mail about it."""

import uuid

from integration.harness.installation import TICKETS, Installation
from integration.harness.people import People
from integration.harness.tickets import open_ticket, path_of
from integration.tickets.mailing import let_time_pass, reply, settled
from support.smtp import SmtpServer


def test_muting_a_ticket_stops_its_mail(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path, other = (path_of(open_ticket(mailing, people.user)) for _ in range(2))
    assert mailing.call("GET", path, people.user.access).json()["subscribed"] is True
    tag = mailing.call("GET", path, people.user.access).headers["etag"]
    for _ in range(2):
        assert mailing.call("DELETE", f"{path}/subscription", people.user.access).status_code == 204
    headers = {"If-None-Match": tag}
    assert mailing.call("GET", path, people.user.access, headers=headers).json()["subscribed"] is False
    assert mailing.call("GET", path, people.admin.access).json()["subscribed"] is True
    reply(mailing, people.admin, path)
    reply(mailing, people.admin, other)
    assert len(settled(mailing, smtp)) == 1
    for _ in range(2):
        assert mailing.call("PUT", f"{path}/subscription", people.user.access).status_code == 204
    assert mailing.call("GET", path, people.user.access).json()["subscribed"] is True
    let_time_pass(mailing)
    reply(mailing, people.admin, path)
    assert len(settled(mailing, smtp)) == 2


def test_muting_stops_a_waiting_mail(mailing: Installation, people: People, smtp: SmtpServer) -> None:
    path = path_of(open_ticket(mailing, people.user))
    smtp.freeze()
    reply(mailing, people.admin, path)
    mailing.call("DELETE", f"{path}/subscription", people.user.access)
    smtp.thaw()
    assert settled(mailing, smtp) == []


def test_only_visible_tickets_can_be_muted(mailing: Installation, people: People) -> None:
    path = path_of(open_ticket(mailing, people.user))
    for method in ("PUT", "DELETE"):
        for where in (path, f"{TICKETS}/{uuid.uuid4()}"):
            assert mailing.call(method, f"{where}/subscription", people.other.access).status_code == 404
