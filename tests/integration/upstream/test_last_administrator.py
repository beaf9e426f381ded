"""Two administrators who lose their role at the same moment: one stays, on each database."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import AccountChangedError
from doorward_auth.upstream.roles import UpstreamRoles
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.settings.provider import ProviderSettings
from doorward_client.permissions import Role
from doorward_identity.tables import users
from integration.harness.bulk_users import Member, enrol
from integration.upstream.grant_setup import GrantSetup

SETTINGS = ProviderSettings(groups=JsonPointer("/groups"), roles={"admins": Role.ADMIN})
ROLES = UpstreamRoles({"kc": SETTINGS}, token_seconds=300)
NO_GROUP = UpstreamUser("subject")


def demote(grant_setup: GrantSetup, member: Member, both: threading.Barrier) -> str:
    """Apply a login without groups, as a request does, which has locked the account."""
    both.wait(30)

    def work(connection: sa.Connection) -> str:
        account = account_repository.lock_by_id(connection, member.id)
        assert account is not None
        return ROLES.apply(connection, "kc", NO_GROUP, account).role

    while True:
        try:
            return grant_setup.resources.database.write_now(work)
        except AccountChangedError:
            continue


def test_one_of_two_administrators_stays(grant_setup: GrantSetup) -> None:
    members = enrol(grant_setup.url, 2)
    for _ in range(10):
        grant_setup.execute(users.update().values(role="admin"))
        both = threading.Barrier(2)
        with ThreadPoolExecutor(2) as threads:
            left = list(threads.map(lambda member: demote(grant_setup, member, both), members))  # noqa: B023 - read at once
        assert sorted(left) == ["admin", "user"]
