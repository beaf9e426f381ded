"""Users whose upstream reports no address: null in every answer, and never a mail."""

import base64
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_identity.tables import outbox
from integration.harness.installation import AUTH, CLIENT, USERS
from integration.harness.people import PASSWORD, Person, bootstrap, sign_in
from integration.upstream.redirect_client import Client

pytestmark = pytest.mark.databases("sqlite")

BASIC = {"Authorization": "Basic " + base64.b64encode(":".join(CLIENT).encode()).decode()}


@pytest.fixture
def client(running_client: Client) -> Client:
    running_client.api.wipe()
    running_client.provider.claims = {"email": None, "email_verified": None}
    return running_client


@pytest.fixture
def admin(client: Client) -> Person:
    bootstrap(client.api, "admin@example.com")
    return sign_in(client.api, "admin@example.com")


@pytest.fixture
def user(client: Client) -> Person:
    pair = client.redeem(client.code()).json()
    me = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    return Person(me["id"], "", pair["access_token"], pair["refresh_token"])


def recipients(client: Client) -> set[str | None]:
    return {recipient for (recipient,) in client.api.execute(sa.select(outbox.c.recipient))}


def test_the_address_is_null_in_every_answer(client: Client, admin: Person, user: Person) -> None:
    own = client.api.call("GET", f"{USERS}/me", user.access).json()
    read = client.api.call("GET", user.path, admin.access).json()
    listed = client.api.call("GET", USERS, admin.access).json()["items"]
    looked_up = client.api.call("GET", f"{AUTH}/users", headers=BASIC, params={"id": user.id}).json()["items"]
    changed = client.api.call("PATCH", user.path, admin.access, json={"name": "Ada L."}).json()
    found = [own, read, changed, *looked_up, *(one for one in listed if one["id"] == user.id)]
    assert [one["email"] for one in found] == [None] * 5


def test_services_learn_whether_an_address_is_proven(client: Client, admin: Person) -> None:
    client.provider.claims = {"email": admin.email, "email_verified": False}
    pair = client.redeem(client.code()).json()
    me = client.api.call("GET", f"{AUTH}/me", pair["access_token"]).json()
    ids = {"id": [me["id"], admin.id]}
    found = client.api.call("GET", f"{AUTH}/users", headers=BASIC, params=ids).json()["items"]
    told = {one["id"]: (one["email"], one["email_verified"]) for one in found}
    assert told == {me["id"]: (admin.email, False), admin.id: (admin.email, True)}


@pytest.mark.parametrize(
    "changes",
    [
        {"password": PASSWORD},
        {"status": "disabled"},
        {"role": "auditor"},
        {"email": "ada@example.com"},
        {"password": PASSWORD, "email": "ada@example.com"},
    ],
)
def test_no_change_by_an_administrator_is_mailed_to_no_address(
    client: Client, admin: Person, user: Person, changes: dict[str, Any]
) -> None:
    changed = client.api.call("PATCH", user.path, admin.access, json=changes)
    assert changed.status_code == 200, changed.text
    assert recipients(client) <= {None, changes.get("email")}


@pytest.mark.parametrize("mail", [MailName.UPSTREAM_LINKED, MailName.UPSTREAM_REAUTH])
def test_no_mail_of_an_upstream_goes_to_no_address(client: Client, user: Person, mail: MailName) -> None:
    with client.api.transaction() as connection:
        enqueue_mail(connection, mail, user.email, user_id=uuid.UUID(user.id), provider="kc")
    assert recipients(client) == {None}


def test_several_of_them_may_be_there(client: Client, user: Person) -> None:
    client.provider.claims["sub"] = "user-2"
    pair = client.redeem(client.code()).json()
    other = client.api.call("GET", f"{USERS}/me", pair["access_token"]).json()
    assert other["id"] != user.id
    assert other["email"] is None
