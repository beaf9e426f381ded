"""The shipped configuration files are valid and cause no warning."""

import subprocess
from pathlib import Path

import pytest
import yaml

from support.certificates import self_signed
from support.chain import Edge
from support.haproxy import CONFIG, check_config, write_nodes
from support.nginx import TEMPLATE, render
from support.processes import inherited_environment
from support.requirements import HAPROXY, need

NOTHING_TO_SAY = {"", "Configuration file is valid"}  # 3.2, 2.6


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"DOORWARD_EDGE_USER": "root", "DOORWARD_EDGE_GROUP": "root"},
        {"DOORWARD_EDGE_PROXY_PROTOCOL": "v2"},
        {"DOORWARD_EDGE_PROXY_PROTOCOL": "off"},
        {"DOORWARD_EDGE_BIND_TLS": "[::]:8443", "DOORWARD_EDGE_BIND_PLAIN": "127.0.0.1:8080"},
    ],
)
def test_haproxy_check_reports_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    said = check_config(self_signed(tmp_path), env, nodes=write_nodes(tmp_path, ["192.0.2.1:30080"]))
    assert said in NOTHING_TO_SAY


@pytest.mark.parametrize(
    "nodes",
    [
        ["192.0.2.1:30080"],
        ["localhost:30080", "[2001:db8::1]:30080", "[::ffff:192.0.2.1]:80"],
        [f"192.0.2.{number}:30080" for number in range(1, 101)],
    ],
)
def test_every_node_of_the_list_is_a_server(tmp_path: Path, nodes: list[str]) -> None:
    backend = write_nodes(tmp_path, nodes)
    requests, streams = (
        [line.split() for line in section.splitlines() if "server " in line]
        for section in backend.read_text(encoding="utf-8").split("backend ")[1:]
    )
    assert requests == [["server", f"node{number}", node] for number, node in enumerate(nodes, 1)]
    assert [server[:3] for server in streams] == requests
    assert check_config(self_signed(tmp_path), nodes=backend) in NOTHING_TO_SAY


@pytest.mark.parametrize(
    ("nodes", "complaint"),
    [
        ([], "no node"),
        (["192.0.2.1"], "not an address:port: '192.0.2.1'"),
        (["192.0.2.1:80", "192.0.2.2:"], "not an address:port: '192.0.2.2:'"),
        (["192.0.2.1:80,192.0.2.2:80"], "not an address:port"),
        (["192.0.2.1:80;"], "not an address:port"),
        (["2001:db8::1:80"], "not an address:port"),
        (["192.0.2.1:0"], "not an address:port"),
        (["*:80"], "not an address:port"),
        (["192.0.2.1:80", "weight", "0"], "not an address:port: 'weight'"),
        (["192.0.2.1:80", "192.0.2.2:80", "192.0.2.1:80"], "twice in the list: 192.0.2.1:80"),
    ],
)
def test_a_mistake_in_the_list_is_an_error(tmp_path: Path, nodes: list[str], complaint: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        write_nodes(tmp_path, nodes)
    assert complaint in rejected.value.stderr
    assert rejected.value.stdout == ""


@pytest.mark.parametrize("node", ["192.0.2.300:80", "192.0.2.1:65536"])
def test_haproxy_rejects_an_unknown_address(tmp_path: Path, node: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        check_config(self_signed(tmp_path), nodes=write_nodes(tmp_path, [node]))
    assert "'server nodes/node1'" in rejected.value.stderr


def test_haproxy_refuses_to_start_without_a_list(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        check_config(self_signed(tmp_path))
    assert "unable to find required default_backend: 'nodes'" in rejected.value.stderr


@pytest.mark.parametrize("word", ["on", "V2", "v1", "false"])
def test_haproxy_rejects_an_unknown_proxy_protocol(tmp_path: Path, word: str) -> None:
    nodes = write_nodes(tmp_path, ["192.0.2.1:30080"])
    with pytest.raises(subprocess.CalledProcessError) as rejected:
        check_config(self_signed(tmp_path), {"DOORWARD_EDGE_PROXY_PROTOCOL": word}, nodes=nodes)
    assert "DOORWARD_EDGE_PROXY_PROTOCOL is off or v2" in rejected.value.stderr


def test_compose_starts_haproxy_with_its_list(tmp_path: Path) -> None:
    text = (CONFIG.parents[1] / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8")
    service = yaml.safe_load(text)["services"]["haproxy"]
    shell, option, script = service["command"]
    assert "../../haproxy:/usr/local/etc/haproxy:ro" in service["volumes"]
    for there, here in (
        ("/usr/local/etc/haproxy", str(CONFIG.parent)),
        ("/tmp/nodes.cfg", str(tmp_path / "nodes.cfg")),
        ("exec haproxy -W -db", f"exec {need(HAPROXY)} -c"),
    ):
        assert there in script
        script = script.replace(there, here)
    done = subprocess.run(
        [shell, option, script],
        env={
            **inherited_environment(),
            "DOORWARD_EDGE_CERTIFICATE": str(self_signed(tmp_path).pem),
            "DOORWARD_EDGE_NODES": "192.0.2.4:8080",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout + done.stderr).strip() in NOTHING_TO_SAY
    assert "DOORWARD_EDGE_NODES" in service["environment"]
    assert "server node1 192.0.2.4:8080" in (tmp_path / "nodes.cfg").read_text(encoding="utf-8")


def test_haproxy_starts_without_warnings(edge: Edge) -> None:
    # It logs nothing but its JSON lines, also for requests of metrics.
    assert [line for line in edge.haproxy.log_text().splitlines() if not line.startswith("{")] == []


def test_nginx_check_reports_nothing(edge: Edge) -> None:
    said = edge.nginx.check_config().splitlines()
    assert len(said) == 2, said
    assert said[0].endswith("syntax is ok")
    assert said[1].endswith("test is successful")


def test_a_missing_value_of_the_template_is_an_error() -> None:
    assert "${DOORWARD_AUTH_SERVER}" in TEMPLATE.read_text(encoding="utf-8")
    with pytest.raises(KeyError):
        render({})
