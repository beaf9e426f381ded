"""`python count_requests.py URL`: send requests as locust's users do, and print how locust counted them.

A separate program, because importing locust changes the process.
"""

import json
import sys

from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.stats import RequestStats

from load.http_client import Request
from scenarios.locust_client import LocustClient


def main() -> None:
    stats, request_event = RequestStats(), EventHook()

    def count(
        request_type: str,
        name: str,
        response_time: float,
        response_length: int,
        exception: Exception | None,
        **_: object,
    ) -> None:
        stats.log_request(request_type, name, int(response_time), response_length)
        if exception is not None:
            stats.log_error(request_type, name, str(exception))

    request_event.add_listener(count)
    transport = LocustClient(FastHttpSession(sys.argv[1], request_event, None))
    for line in sys.stdin:
        path, expected, may_be_rejected, expired = json.loads(line)
        transport.send(
            Request(
                f"GET {path}",
                path,
                expected=frozenset(expected),
                may_be_rejected=may_be_rejected,
                token_expired=lambda expired=expired: expired,  # type: ignore[misc] # bound now, not later
            )
        )
    counted = {entry.name: [entry.num_requests, entry.num_failures] for entry in stats.entries.values()}
    print(
        json.dumps(
            {"counted": counted, "errors": sorted(str(error.error) for error in stats.errors.values())}
        )
    )


if __name__ == "__main__":
    main()
