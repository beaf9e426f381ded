"""A TCP relay that simulates a failover: existing connections become silent."""

import contextlib
import selectors
import socket
import threading
from types import TracebackType
from typing import Final, Self

_PIECE: Final = 65_536


class Relay:
    """Forwards connections to a port of 127.0.0.1."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def silence(self) -> int:
        """Stop forwarding on existing connections without closing them; return their number."""
        with self._lock:
            for pair in self._pairs:
                for end in pair:
                    with contextlib.suppress(KeyError, ValueError):
                        self._selector.unregister(end)
            return len(self._pairs)

    def _run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        while not self._stopped.is_set():
            events = self._selector.select(0.05)
            with self._lock:
                for key, _ in events:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif isinstance(key.fileobj, socket.socket) and self._is_watched(key.fileobj):
                        self._forward(key.fileobj, key.data)

    def _is_watched(self, end: socket.socket) -> bool:
        """Whether it is still open and not silenced since the selector returned it."""
        return end.fileno() >= 0 and end in self._selector.get_map()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        self._pairs.append((client, server))
        self._selector.register(client, selectors.EVENT_READ, server)
        self._selector.register(server, selectors.EVENT_READ, client)

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        piece = b""
        with contextlib.suppress(OSError):
            piece = source.recv(_PIECE)
            if piece:
                sink.sendall(piece)
                return
        for end in (source, sink):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(end)
            end.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._selector.close()
        self._listener.close()
        for pair in self._pairs:
            for end in pair:
                end.close()
