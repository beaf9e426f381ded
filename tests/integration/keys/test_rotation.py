"""Rotations under load, with the command and mounted files, fail no request."""

from integration.harness.bulk_users import enrol
from integration.keys.key_deployment import KeyedDeployment
from integration.keys.load import Load
from integration.keys.mounted_secret import activating, newest, retiring, rotated, update_both, without

REQUESTS = 1_000
CLIENTS = 8
ACTIVATE_IN = 6
"""Seconds until a new key signs. The services poll each second, and one gets the file a second late."""


async def test_two_rotations_and_the_retirement_of_old_keys_fail_no_request(
    deployment: KeyedDeployment,
) -> None:
    load = Load(auth=deployment.auth.port, users=deployment.users.port)
    auth, users, document = deployment.auth_keys, deployment.users_keys, deployment.document
    oldest = before = newest(document)
    async with load.running(enrol(deployment.database_url, CLIENTS)):
        await load.until_all_use(oldest)
        for first, second in ((auth, users), (users, auth)):
            before, document = newest(document), await rotated(document, "--activate-in", "3600")
            document = activating(document, newest(document), ACTIVATE_IN)
            await update_both(first, second, document)
            await load.until_all_use(newest(document))
        # One of the old keys retires by the clock, and the other one is removed.
        document = without(retiring(document, before, seconds=2), oldest)
        await update_both(users, auth, document)
        await load.until_more()
        await update_both(auth, users, without(document, before))
        await load.until_more(at_least=REQUESTS)
    assert load.failures == []
