"""The README's tour with the client that openapi-python-client makes of docs/api/openapi.json.

Environment: BASE_URL, ADMIN_PASSWORD, MAILBOX, and PYTHONPATH with the package doorward_api. Prints "done" at
the end.

It refreshes at /token: openapi-python-client 0.29.1 forgets an import in the module of an operation that
takes JSON or a form and has no other parameter, such as /refresh-token.
"""

import os
import re
import time
from pathlib import Path

from doorward_api import AuthenticatedClient, Client
from doorward_api.api.profile import get_profile
from doorward_api.api.registration import register, verify_email
from doorward_api.api.sessions import log_out
from doorward_api.api.tickets import add_reply, close_ticket, create_ticket, list_tickets
from doorward_api.api.tokens import log_in
from doorward_api.api.users import create_user, delete_user, get_user, list_users, update_user
from doorward_api.models import (
    ChangedUser,
    DirectorySort,
    LoginGrant,
    PageTicket,
    PageUser,
    Problem,
    RefreshGrant,
    RegistrationRequest,
    RegistrationResponse,
    Reply,
    ReplyCreate,
    Ticket,
    TicketCreate,
    TicketDetail,
    TicketStatus,
    TokenPair,
    User,
    UserCreate,
    UserPatch,
    VerificationRequest,
)

BASE_URL = os.environ["BASE_URL"]
MAILBOX = Path(os.environ["MAILBOX"])
ANYONE = Client(base_url=BASE_URL)


def tokens(email: str, password: str) -> TokenPair:
    pair = log_in.sync(client=ANYONE, body=LoginGrant(email=email, password=password))
    assert isinstance(pair, TokenPair), pair
    return pair


def refresh(pair: TokenPair) -> RefreshGrant:
    assert isinstance(pair.refresh_token, str), pair  # a page may have it in a cookie instead
    return RefreshGrant(grant_type="refresh_token", refresh_token=pair.refresh_token)


def signed_in(access_token: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=BASE_URL, token=access_token)


def mailed_code() -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for mail in MAILBOX.glob("*.eml"):
            text = mail.read_text(encoding="utf-8").replace("=\n", "")  # quoted-printable breaks long lines
            if found := re.search(r"dwv_[A-Za-z0-9_-]+", text):
                return found[0]
        time.sleep(0.1)
    raise AssertionError("no mail")


admin = signed_in(tokens("admin@example.com", os.environ["ADMIN_PASSWORD"]).access_token)
profile = get_profile.sync(client=admin)
assert isinstance(profile, User)
assert profile.email == "admin@example.com"

ada = create_user.sync(
    client=admin, body=UserCreate(email="ada@example.com", name="Ada", password="the analytical engine")
)
assert isinstance(ada, User | ChangedUser), ada
etag = get_user.sync_detailed(ada.id, client=admin).headers["etag"]
patch = UserPatch(name="Ada Lovelace")
renamed = update_user.sync(ada.id, client=admin, body=patch, if_match=etag)
assert isinstance(renamed, ChangedUser), renamed
assert renamed.name == "Ada Lovelace"
stale = update_user.sync(ada.id, client=admin, body=patch, if_match=etag)
assert isinstance(stale, Problem), stale
assert (stale.status, stale.code) == (412, "precondition_failed")
page = list_users.sync(client=admin, sort=DirectorySort.NAME, limit=50)
assert isinstance(page, PageUser), page
assert len(page.items) == 2

hers = tokens("ada@example.com", "the analytical engine")
user = signed_in(hers.access_token)
forbidden = delete_user.sync(ada.id, client=user)
assert isinstance(forbidden, Problem), forbidden
assert forbidden.code == "insufficient_permission"

grace = RegistrationRequest(email="grace@example.com", name="Grace", password="a compiler of some kind")
registered = register.sync(client=ANYONE, body=grace)
assert isinstance(registered, RegistrationResponse), registered
proof = VerificationRequest(code=mailed_code(), registration_token=registered.registration_token)
assert verify_email.sync_detailed(client=ANYONE, body=proof).status_code == 200

ticket = create_ticket.sync(
    client=user,
    body=TicketCreate(subject="The engine is stuck", body="Since this morning."),
    idempotency_key="the-engine",
)
assert isinstance(ticket, TicketDetail), ticket
assert ticket.number is not None
reply = add_reply.sync(ticket.id, client=admin, body=ReplyCreate(body="Oil it."))
assert isinstance(reply, Reply), reply
closed = close_ticket.sync(ticket.id, client=admin)
assert isinstance(closed, Ticket), closed
found = list_tickets.sync(client=user, number=ticket.number, status=TicketStatus.CLOSED)
assert isinstance(found, PageTicket), found
assert [item.id for item in found.items] == [ticket.id]

refreshed = log_in.sync(client=ANYONE, body=refresh(hers))
assert isinstance(refreshed, TokenPair), refreshed
assert log_out.sync_detailed(client=signed_in(refreshed.access_token)).status_code == 204
ended = log_in.sync(client=ANYONE, body=refresh(refreshed))
assert isinstance(ended, Problem), ended
assert ended.code == "invalid_refresh_token"
assert delete_user.sync_detailed(ada.id, client=admin).status_code == 204
print("done")
