"""The event loop of the services: uvloop, with remembered addresses.

uvloop looks up names in C. Without this module HTTP clients, Redis and SMTP would not find an address while
the name servers are unavailable.
"""

import asyncio
import socket
import sys
from typing import Any

from doorward_kit.name_resolution import Addresses, RememberedAddresses, is_name, remember_addresses

if sys.platform != "win32":
    import uvloop

    class RememberingLoop(uvloop.Loop):
        """uvloop that looks up names with `RememberedAddresses`."""

        def __init__(self, addresses: RememberedAddresses) -> None:
            super().__init__()
            self._addresses = addresses

        async def getaddrinfo(
            self,
            host: Any,
            port: Any,
            *,
            family: int = 0,
            type: int = 0,  # noqa: A002 - the name of the standard library
            proto: int = 0,
            flags: int = 0,
        ) -> Addresses:
            """Look up a host; raises socket.gaierror."""
            if not is_name(host):
                return await super().getaddrinfo(
                    host, port, family=family, type=type, proto=proto, flags=flags
                )
            return await self._addresses.find(host, port, family, type, proto, flags)

        async def create_connection(
            self,
            protocol_factory: Any,
            host: Any = None,
            port: Any = None,
            *,
            ssl: Any = None,
            sock: socket.socket | None = None,
            server_hostname: str | None = None,
            **options: Any,
        ) -> Any:
            """Connect to the first address of a name that accepts; TLS verifies the name."""
            if sock is None and is_name(host) and options.get("local_addr") is None:
                question = {key: options.pop(key) for key in ("family", "proto", "flags") if key in options}
                sock = await self._connected(
                    await self.getaddrinfo(host, port, type=socket.SOCK_STREAM, **question)
                )
                if ssl and server_hostname is None:
                    server_hostname = host
                host = port = None
            return await super().create_connection(
                protocol_factory, host, port, ssl=ssl, sock=sock, server_hostname=server_hostname, **options
            )

        async def _connected(self, addresses: Addresses) -> socket.socket:
            """Return a socket that is connected to one of the addresses; raises the last one's OSError."""
            error = OSError("no address")
            for family, kind, proto, _, address in addresses:
                try:
                    sock = socket.socket(family, kind, proto)
                except OSError as failed:  # a family that the kernel lacks
                    error = failed
                    continue
                try:
                    sock.setblocking(False)
                    await self.sock_connect(sock, address)
                except OSError as failed:
                    error = failed
                    sock.close()
                except BaseException:
                    sock.close()
                    raise
                else:
                    return sock
            raise error

    def new_event_loop() -> asyncio.AbstractEventLoop:
        """Return the loop of a process that serves; `socket.getaddrinfo` remembers addresses from then on."""
        return RememberingLoop(remember_addresses())

else:

    def new_event_loop() -> asyncio.AbstractEventLoop:
        """Return asyncio's own loop, which looks names up with `socket.getaddrinfo`."""
        remember_addresses()
        return asyncio.ProactorEventLoop()
