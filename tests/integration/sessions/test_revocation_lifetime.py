"""A revocation is kept as long as a verifier would accept its tokens."""

from collections.abc import AsyncIterator, Iterator

import pytest

from integration.harness.bulk_users import enrol
from integration.harness.installation import AUTH
from integration.harness.races import until
from integration.harness.replicas import Replicas, replicas_on
from support.databases import DatabaseServer

TOKEN_SECONDS = 5
FORGIVING = {"DOORWARD_ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS), "DOORWARD_TOKEN_LEEWAY_SECONDS": "60"}


@pytest.fixture(scope="module")
def shared_replicas_with_leeway(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replicas]:
    with replicas_on(
        mariadb_server, "forgiving", tmp_path_factory.mktemp("forgiving"), **FORGIVING
    ) as replicas:
        yield replicas


@pytest.fixture
async def replicas_with_leeway(shared_replicas_with_leeway: Replicas) -> AsyncIterator[Replicas]:
    """Short-lived tokens, and verifiers with a leeway of a minute."""
    yield shared_replicas_with_leeway
    await shared_replicas_with_leeway.close()


async def test_revocations_outlast_the_leeway_of_verifiers(replicas_with_leeway: Replicas) -> None:
    [member] = enrol(replicas_with_leeway.database.url, 1)
    revoked, unrevoked = await replicas_with_leeway.log_in(member), await replicas_with_leeway.log_in(member)
    assert (await replicas_with_leeway.auths[0].call("POST", f"{AUTH}/logout", revoked.access)).status == 204
    await replicas_with_leeway.until_rejected_everywhere(revoked.access)
    issued = revoked.claims["iat"]

    def has_expired() -> bool:
        [(now,)] = replicas_with_leeway.database.execute("SELECT UNIX_TIMESTAMP(UTC_TIMESTAMP(6))")
        return bool(now > issued + TOKEN_SECONDS + 2)

    await until(has_expired, "past the token's own time", TOKEN_SECONDS + 15)
    # A new process has only the revocations that are still in the database.
    for replica in (replicas_with_leeway.auths[1], replicas_with_leeway.users):
        await replica.kill9()
        await replica.start()
    assert await replicas_with_leeway.users.accepts(unrevoked.access), (
        "the leeway is over: this proves nothing"
    )
    assert await replicas_with_leeway.accepted_by(revoked.access) == []
