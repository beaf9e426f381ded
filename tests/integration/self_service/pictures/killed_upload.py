"""A process that uploads a picture and is killed at one step. Its standard input says which, as JSON."""

import json
import os
import signal
import sys
from typing import Any, Final, NoReturn

from obstore.store import S3Store
from starlette.testclient import TestClient

from doorward_identity.avatars import repository
from doorward_identity.avatars.service import Avatars
from doorward_users.main import create_app
from integration.harness.installation import USERS, users_settings
from support.images import jpeg

STEPS: Final[dict[str, tuple[Any, str, int]]] = {
    "before the first object": (S3Store, "put_async", 0),
    "between the objects": (S3Store, "put_async", 1),
    "in the transaction": (repository, "keep", 0),
    "after the transaction": (Avatars, "discard", 0),
    "between the objects of the earlier picture": (S3Store, "delete_async", 1),
    "before the row of the earlier picture": (repository, "delete_ended", 0),
}
"""What is called when the process dies, and how often it has been called before."""


def kill(*_arguments: object, **_options: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def die_at(step: str) -> None:
    place, name, calls = STEPS[step]
    original = getattr(place, name)
    left = calls

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        return kill() if left < 0 else original(*arguments, **options)

    setattr(place, name, counted)


def main() -> int:
    orders = json.load(sys.stdin)
    die_at(orders["step"])
    app = create_app(users_settings(orders["database_url"], **orders["settings"]))
    with TestClient(app) as client:
        assert client.portal is not None
        client.portal.call(app.state.resources.revocation_poller.update)
        headers = {"Authorization": f"Bearer {orders['token']}", "Content-Type": "image/jpeg"}
        answer = client.put(f"{USERS}/me/avatar", content=jpeg(), headers=headers)
        print(answer.status_code, answer.text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
