"""What the cases of audit events work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from integration.harness.installation import Installation
from integration.harness.people import People
from integration.self_service.flows import Flows, Joined


@dataclass(frozen=True)
class AuditSetup:
    """Fixtures for a case; the expected events must belong to the requests of `traced`."""

    flows: Flows
    traced: Flows
    request_ids: list[str]
    installation: Installation
    people: People
    ada: Joined

    def send(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        return self.traced.api.call(method, path, token, **options)


MOVED: Final = "moved@example.com"

Event = tuple[str, str | None, str | None, dict[str, Any] | None]
Case = Callable[[AuditSetup], list[Event]]
