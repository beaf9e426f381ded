"""Switching from a shared secret to asymmetric keys under load."""

import asyncio
import contextlib
from pathlib import Path

from doorward_client.keys.key_set import ES256
from integration.harness.bulk_users import enrol
from integration.keys.key_deployment import KeyedDeployment, keyless_users
from integration.keys.load import Load
from integration.keys.mounted_secret import activating, newest, rotated, update_both, without

REQUESTS = 1_000
CLIENTS = 8
ACTIVATE_IN = 6
PUBLISHED_IN = 8
"""Seconds, because a service that gets the keys from auth learns of a new one later."""


async def test_switching_a_service_to_public_keys_fails_no_request(
    deployment: KeyedDeployment, tmp_path: Path
) -> None:
    load = Load(auth=deployment.auth.port, users=deployment.users.port)
    auth, users, document = deployment.auth_keys, deployment.users_keys, deployment.document
    keyless = keyless_users(deployment.database, deployment.auth, tmp_path / "keyless.log")
    with contextlib.ExitStack() as stack:
        stack.callback(keyless.stop)
        async with load.running(enrol(deployment.database_url, CLIENTS)):
            shared = newest(document)
            document = await rotated(document, "--algorithm", ES256, "--activate-in", "3600")
            document = activating(document, newest(document), ACTIVATE_IN)
            await update_both(users, auth, document)
            await load.until_all_use(newest(document))
            # A new process of the users service, without the secret, replaces the old one.
            await asyncio.to_thread(keyless.start)
            load.move_users(keyless.port)
            document = without(document, shared)
            auth.write(document)
            await load.until_more()
            before, document = newest(document), await rotated(document, "--activate-in", "3600")
            document = activating(document, newest(document), PUBLISHED_IN)
            auth.write(document)
            await load.until_all_use(newest(document))
            auth.write(without(document, before))
            await load.until_more(at_least=REQUESTS)
    assert load.failures == []
