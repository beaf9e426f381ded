"""The files that are shipped are valid and draw no warning."""

from pathlib import Path

import pytest

from support.certificates import self_signed
from support.chain import Edge
from support.haproxy import check_config
from support.nginx import TEMPLATE, render


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"DOORWARD_EDGE_USER": "root", "DOORWARD_EDGE_GROUP": "root"},
        {f"DOORWARD_EDGE_NODE_{number}": f"192.0.2.{number}:30080" for number in (1, 2, 3, 4)},
        {"DOORWARD_EDGE_BIND_TLS": "[::]:8443", "DOORWARD_EDGE_BIND_PLAIN": "127.0.0.1:8080"},
    ],
)
def test_haproxy_finds_nothing_to_say(tmp_path: Path, env: dict[str, str]) -> None:
    said = check_config(self_signed(tmp_path), env)
    assert said in {"", "Configuration file is valid"}  # 3.2 says nothing, 2.6 that


def test_haproxy_said_nothing_at_its_start(edge: Edge) -> None:
    # Nor does it log anything but its JSON lines, whoever asked for figures in between.
    assert [line for line in edge.haproxy.log_text().splitlines() if not line.startswith("{")] == []


def test_nginx_finds_nothing_to_say(edge: Edge) -> None:
    said = edge.nginx.check_config().splitlines()
    assert len(said) == 2, said
    assert said[0].endswith("syntax is ok")
    assert said[1].endswith("test is successful")


def test_a_forgotten_value_of_the_template_is_an_error() -> None:
    assert "${DOORWARD_AUTH_SERVER}" in TEMPLATE.read_text(encoding="utf-8")
    with pytest.raises(KeyError):
        render({})
