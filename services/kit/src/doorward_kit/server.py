"""Runs an application: one line if it cannot start, no lost request when it stops."""

import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final, TypeVar

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from doorward_client.settings import PREFIX, DoorwardSettings, SettingsError, load_settings
from doorward_kit.logging import configure_logging
from doorward_kit.name_resolution import remember_addresses
from doorward_kit.settings import EVERY_ADDRESS, ServiceSettings

S = TypeVar("S", bound=ServiceSettings)

log = structlog.get_logger(__name__)

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than NGINX keeps an idle upstream connection (60 s). The proxy must close it first, or a request
meets a connection that the server is closing."""

UNREAD_SECONDS: Final = 30.0
"""Longest time for which a client may leave sent data unacknowledged, as long as NGINX's `send_timeout`."""

GIVEN_TO_ALL: Final = ("DOORWARD_ACCESS_TOKEN_SECONDS", "DOORWARD_USERS_URL")
"""Variables that the chart gives to services without such a setting, too."""

GRACE_SECONDS: Final = 20
BACKLOG: Final = 2048


class PortTakenError(Exception):
    """The address cannot be bound; the message names it."""


def listen(host: str, port: int, *, hint: str = "change DOORWARD_HOST or DOORWARD_PORT") -> socket.socket:
    """Bind at once, so that a taken port stops the start.

    The host `::` listens on IPv6 and IPv4, and on IPv4 alone where the kernel has no IPv6. Raises
    PortTakenError, whose message ends with `hint`.
    """
    if host == EVERY_ADDRESS and not _has_ipv6():
        host = "0.0.0.0"  # noqa: S104 - the same in IPv4
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # some systems default to 1
    if os.name == "posix":
        # On Windows the same option would let two programs share the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"cannot listen on {_authority(host, port)}: {error.strerror or error}; {hint}"
        ) from None
    if sys.platform == "linux":
        # Accepted connections inherit it. The kernel closes one whose client has vanished or does not read.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(UNREAD_SECONDS * 1000))
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


def _has_ipv6() -> bool:
    """Tell whether an IPv6 socket can be bound: a kernel may lack the family or every address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((EVERY_ADDRESS, 0))
    except OSError:
        return False
    return True


def url_of(listener: socket.socket) -> str:
    """Return the address of a listener as a URL, with an IPv6 address in brackets."""
    host, port = listener.getsockname()[:2]
    return f"http://{_authority(host, port)}"


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class DrainingServer(uvicorn.Server):
    """A server that stays open for a while after SIGTERM, until proxies send their requests elsewhere.

    uvicorn closes its socket at once, while proxies still send: those requests would be lost.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        shutdown_delay_seconds: float,
        on_drain: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._drain_seconds = shutdown_delay_seconds
        self._on_drain = on_drain
        self._on_stop = on_stop
        self._drained_at: float | None = None

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Drain on the first SIGTERM; stop at once on the second, and on Ctrl-C.

        Unlike uvicorn's, it does not raise the signal again after a clean stop, so the exit status is 0.
        """
        self._on_drain()
        if sig == signal.SIGTERM and self._drain_seconds and self._drained_at is None:
            self._drained_at = time.monotonic() + self._drain_seconds
        elif self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Check the time with uvicorn's own tick, ten times a second."""
        if self._drained_at is not None and time.monotonic() >= self._drained_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and wait for the requests; `on_stop` ends those that have no end."""
        self._on_stop()
        await super().shutdown(sockets)


def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    shutdown_delay_seconds: float = 0.0,
    on_drain: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` on `listener` until a signal stops it."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # TrustedProxies reads them
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
        loop="doorward_kit.event_loop:new_event_loop",
        ws="none",  # or any installed WebSocket library would accept upgrades
    )
    server = DrainingServer(
        config, shutdown_delay_seconds=shutdown_delay_seconds, on_drain=on_drain, on_stop=on_stop
    )
    host, port = listener.getsockname()[:2]
    log.info("server.started", host=host, port=port, pid=os.getpid())
    _warn_about_api_workers()
    _freeze_gc()
    server.run(sockets=[listener])
    log.info("server.stopped")


def _warn_about_api_workers() -> None:
    """Warn that API_WORKERS, a setting of the older server, has no effect."""
    asked = os.environ.get("API_WORKERS", "").strip()
    with contextlib.suppress(ValueError):
        if int(asked or 1) > 1:
            hint = "API_WORKERS has no effect; run more replicas instead"
            log.warning("config.api_workers_ignored", api_workers=int(asked), hint=hint)


def unknown_variables(settings_class: type[DoorwardSettings], *known: str) -> Sequence[str]:
    """Return variables of the environment that no setting has, such as misspelled ones.

    `known` are read elsewhere.
    """
    names = {PREFIX + name.upper() for name in settings_class.model_fields}
    names.update(known, [f"{name}_FILE" for name in names])
    present = {name for name, value in os.environ.items() if value and name.startswith(PREFIX)}
    return sorted(present - names)


def warn_about_unknown_variables(settings_class: type[DoorwardSettings], *known: str) -> None:
    """Log the unknown variables, which are ignored, because services may share an environment."""
    if variables := unknown_variables(settings_class, *known):
        hint = "no setting of this process has these names"
        log.warning("config.unknown_variables", variables=variables, hint=hint)


def _freeze_gc() -> None:
    """Exclude the application's objects from garbage collection.

    They live as long as the process. The objects of a request are freed by their reference counts, and few
    of them form cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def run_service(settings_class: type[S], create_app: Callable[[S], FastAPI]) -> int:
    """Run one service with the settings of the environment; return the exit status."""
    try:
        settings = load_settings(settings_class)
        configure_logging(settings.log_level)
        warn_about_unknown_variables(settings_class, *GIVEN_TO_ALL)
        app = create_app(settings)
        listener = listen(settings.host, settings.port)
    except (SettingsError, PortTakenError) as error:
        return fail(str(error))
    remember_addresses().prefetch(settings.peer_urls)
    serve(
        app,
        listener,
        shutdown_delay_seconds=settings.shutdown_delay_seconds,
        on_drain=app.state.resources.drain,
        on_stop=app.state.resources.stop,
    )
    return 0


def fail(message: str) -> int:
    """Print one line for the operator; return the exit status."""
    print(f"doorward: {message}", file=sys.stderr)  # noqa: T201 - the command's own output
    return 1
