import errno
import re
import socket

import pytest
from structlog.testing import capture_logs

from doorward_kit.server import (
    PortTakenError,
    _warn_about_api_workers,
    listen,
    url_of,
    warn_about_unknown_variables,
)
from doorward_kit.settings import ProcessSettings


def test_a_taken_port_is_an_error_with_its_number() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            PortTakenError, match=f"127.0.0.1:{port}: .*; change DOORWARD_HOST or DOORWARD_PORT$"
        ):
            listen("127.0.0.1", port)


def test_a_free_port_is_listened_on_at_once() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        pass


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_two_colons_listen_on_both_families(peer: str) -> None:
    with listen("::", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection((peer, port)) as connection:
            assert connection.getpeername()[1] == port


def test_without_ipv6_two_colons_listen_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    def reject(family: int = -1, *arguments: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return socket_of(family, *arguments)

    socket_of = socket.socket
    monkeypatch.setattr("doorward_kit.server.socket.socket", reject)
    with listen("::", 0) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::]")])
def test_an_address_is_shown_as_a_url(host: str, shown: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{shown}:{port}"
        with pytest.raises(PortTakenError, match=re.escape(f"cannot listen on {shown}:{port}")):
            listen(host, port)


@pytest.mark.parametrize(
    ("asked", "said"), [(None, []), ("", []), ("1", []), ("auto", []), ("2", [2]), (" 16 ", [16])]
)
def test_ignored_api_workers_are_logged(
    asked: str | None, said: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("API_WORKERS", raising=False)
    if asked is not None:
        monkeypatch.setenv("API_WORKERS", asked)
    with capture_logs() as logged:
        _warn_about_api_workers()
    assert [line["api_workers"] for line in logged] == said


@pytest.mark.usefixtures("without_variables")
def test_variables_that_no_setting_has_are_named_in_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOG_LEVEL", "LOG_LEVEL_FILE", "LOGLEVEL", "PROT", "DATA_DIR"):
        monkeypatch.setenv(f"DOORWARD_{variable}", "x")
    monkeypatch.setenv("DOORWARD_UNSET", "")
    with capture_logs() as lines:
        warn_about_unknown_variables(ProcessSettings, "DOORWARD_DATA_DIR")
    (line,) = lines
    assert line["event"] == "config.unknown_variables"
    assert line["variables"] == ["DOORWARD_LOGLEVEL", "DOORWARD_PROT"]


@pytest.mark.usefixtures("without_variables")
def test_known_variables_are_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_LOG_LEVEL", "info")
    with capture_logs() as lines:
        warn_about_unknown_variables(ProcessSettings)
    assert lines == []
