"""HAProxy with the shipped configuration, on free ports."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from support.certificates import Certificate
from support.loopback import HOST, NAME
from support.ports import free_port
from support.probes import http_status
from support.processes import Process, inherited_environment
from support.requirements import HAPROXY, need

_FOLDER: Final = Path(__file__).parents[2] / "haproxy"
CONFIG: Final = _FOLDER / "haproxy.cfg"
NODES: Final = _FOLDER / "nodes"
# All tests connect from 127.0.0.1, so the limits per source would reject them.
NO_SOURCE_LIMITS: Final[Mapping[str, str]] = {
    "DOORWARD_EDGE_SOURCE_CONNECTIONS": "100000",
    "DOORWARD_EDGE_SOURCE_REQUESTS_PER_10S": "1000000",
}


class HAProxy(Process):
    """The load balancer in front of NGINX: at ports of LOOPBACK, or at addresses with ports.

    stop() sends SIGTERM, on which HAProxy ends at once; its graceful stop is SIGUSR1.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: Sequence[int | str],
        certificate: Certificate,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare it; `env` overrides any DOORWARD_EDGE_ variable set here."""
        self.certificate = certificate
        self.tls_port = free_port()
        self.plain_port = free_port()
        self.admin_port = free_port()
        self.tls_url = f"https://{NAME}:{self.tls_port}"
        self.plain_url = f"http://{HOST}:{self.plain_port}"
        backend = write_nodes(folder, [f"{HOST}:{n}" if isinstance(n, int) else n for n in nodes])
        super().__init__(
            "haproxy",
            # Neither master nor daemon, so that the started process is the one that serves.
            [need(HAPROXY), "-db", "-f", CONFIG, "-f", backend],
            log=folder / "haproxy.log",
            ready=lambda: http_status(self.admin_port, "/health") == 200,
            env={
                "DOORWARD_EDGE_BIND_TLS": f"{HOST}:{self.tls_port}",
                "DOORWARD_EDGE_BIND_PLAIN": f"{HOST}:{self.plain_port}",
                "DOORWARD_EDGE_BIND_ADMIN": f"{HOST}:{self.admin_port}",
                "DOORWARD_EDGE_CERTIFICATE": str(certificate.pem),
                "DOORWARD_EDGE_PLAIN": "serve",
                "DOORWARD_EDGE_CHECK_INTERVAL": "200ms",
                **NO_SOURCE_LIMITS,
                **(env or {}),
            },
        )


def write_nodes(folder: Path, nodes: Sequence[str]) -> Path:
    """Write the list of nodes as HAProxy's second file, with the shipped script.

    Raises CalledProcessError, with what the script says, when it rejects the list.
    """
    done = subprocess.run(
        ["sh", NODES],
        env={**inherited_environment(), "DOORWARD_EDGE_NODES": " ".join(nodes)},
        capture_output=True,
        text=True,
        check=True,
    )
    path = folder / "nodes.cfg"
    path.write_text(done.stdout, encoding="utf-8")
    return path


def check_config(
    certificate: Certificate, env: Mapping[str, str] | None = None, *, nodes: Path | None = None
) -> str:
    """Run HAProxy's own check and return its output; raises for invalid files."""
    files = [CONFIG, nodes] if nodes else [CONFIG]
    done = subprocess.run(
        [need(HAPROXY), "-c", *(word for file in files for word in ("-f", str(file)))],
        env={
            **inherited_environment(),
            "DOORWARD_EDGE_CERTIFICATE": str(certificate.pem),
            **(env or {}),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return (done.stdout + done.stderr).strip()
