"""`python counting.py URL`: send requests as locust's users do, and print how each was counted.

A program of its own: importing locust changes the process.
"""

import json
import sys

from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook
from locust.stats import RequestStats

from load.wire import Request
from scenarios.measured import Measured


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
    transport = Measured(FastHttpSession(sys.argv[1], request_event, None))
    for line in sys.stdin:
        path, expected, refusable, is_over = json.loads(line)
        transport.send(
            Request(
                f"GET {path}",
                path,
                expected=frozenset(expected),
                refusable=refusable,
                token_is_over=lambda is_over=is_over: is_over,  # type: ignore[misc] # bound now, not later
            )
        )
    counted = {entry.name: [entry.num_requests, entry.num_failures] for entry in stats.entries.values()}
    print(json.dumps({"counted": counted, "errors": sorted(str(one.error) for one in stats.errors.values())}))


if __name__ == "__main__":
    main()
