"""Running an application: one line when it cannot start, no lost request when it stops."""

import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from doorward_client.settings import SettingsError, load_settings
from doorward_kit.logging import configure_logging
from doorward_kit.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than NGINX keeps an idle upstream connection (60 s): the side that forwards must be the
one that closes, or a request meets a connection that is just going away."""

GRACE_SECONDS: Final = 20
BACKLOG: Final = 2048


class PortTakenError(Exception):
    """Another program listens where this one should; the message says what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Bind now, so that a taken port is an error and not a log line; raises PortTakenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        # On Windows the same option would let two programs share the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


class DrainingServer(uvicorn.Server):
    """A server that on SIGTERM first says so, and closes its socket only when traffic has moved.

    uvicorn closes it at once, while proxies still send: those requests would be lost.
    """

    def __init__(
        self, config: uvicorn.Config, *, shutdown_delay_seconds: float, on_drain: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._drain_seconds = shutdown_delay_seconds
        self._on_drain = on_drain
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Drain on the first SIGTERM; stop now on the second, and on Ctrl-C.

        Unlike uvicorn's, this does not raise the signal again after a clean stop: the exit status
        is then 0.
        """
        self._on_drain()
        if sig == signal.SIGTERM and self._drain_seconds and self._drained_at is None:
            self._drained_at = time.monotonic() + self._drain_seconds
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Look at the clock with uvicorn's own tick, ten times a second."""
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(
    app: ASGIApp, listener: socket.socket, settings: ServiceSettings, *, on_drain: Callable[[], None]
) -> None:
    """Serve `app` on `listener` until told to stop."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # addresses.client_address reads them, for the few who ask
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
        ws="none",  # or a library that happens to be installed beside us would answer upgrades
    )
    server = DrainingServer(config, shutdown_delay_seconds=settings.shutdown_delay_seconds, on_drain=on_drain)
    host, port = listener.getsockname()[:2]
    log.info("server.started", host=host, port=port, pid=os.getpid())
    _warn_about_api_workers()
    _freeze_gc()
    server.run(sockets=[listener])
    log.info("server.stopped")


def _warn_about_api_workers() -> None:
    """Say that the older server's API_WORKERS, where somebody still sets it, has no effect.

    Whoever set it counts on more processes than there are.
    """
    asked = os.environ.get("API_WORKERS", "").strip()
    with contextlib.suppress(ValueError):
        if int(asked or 1) > 1:
            hint = "this is one process, whatever API_WORKERS says: run more replicas instead"
            log.warning("config.api_workers_ignored", api_workers=int(asked), hint=hint)


def _freeze_gc() -> None:
    """Keep the garbage collector from walking the application again and again.

    What was built before the first request stays for ever; what a request leaves behind is freed by
    its reference counts, and cycles are few.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def run_service(settings_class: type[S], create_app: Callable[[S], FastAPI]) -> int:
    """Run one service as the environment says; return the exit status."""
    try:
        settings = load_settings(settings_class)
        configure_logging(settings.log_level)
        app = create_app(settings)
        listener = listen(settings.host, settings.port)
    except (SettingsError, PortTakenError) as error:
        return fail(str(error))
    serve(app, listener, settings, on_drain=app.state.resources.drain)
    return 0


def fail(message: str) -> int:
    """Print the one line that an operator needs, and return the exit status."""
    print(f"doorward: {message}", file=sys.stderr)  # noqa: T201 - the command's own output
    return 1
