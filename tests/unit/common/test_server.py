import socket

import pytest

from doorward_common.server import PortTakenError, listen


def test_a_taken_port_is_an_error_with_its_number() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}"):
            listen("127.0.0.1", port)


def test_a_free_port_is_listened_on_at_once() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        pass
