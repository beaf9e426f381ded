"""Names and addresses of this machine, and those that only look like one."""

import pytest

from doorward.loopback import is_loopback_authority


@pytest.mark.parametrize(
    "authority",
    [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "app.localhost:8080",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.255.0.3:1",
        "[::1]",
        "[::1]:8080",
    ],
)
def test_names_of_this_machine(authority: str) -> None:
    assert is_loopback_authority(authority)


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "127.0.0.1:8080:8080",
        "127.0.0.1, evil.example",
        "0.0.0.0:8080",
        "192.168.0.2:8080",
        "[::]:8080",
        "[::ffff:192.0.2.1]",
        "::1",
        "[localhost]",
        "2130706433",
        "0x7f000001",
        "localhost/",
        "localhost:",
        "\u217cocalhost",
    ],
)
def test_names_of_other_machines(authority: str) -> None:
    assert not is_loopback_authority(authority)
