"""The hosts of an installation with TLS: Doorward, and applications of its site and of another.

Browsers take every name below `localhost` for this machine. Pages have one more directive than in production,
`report-uri`: by it browsers report what a policy has stopped.
"""

import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from support.certificates import Certificate
from support.processes import Process
from support.requirements import HAPROXY, need

ID: Final = "id.doorward.localhost"
CONSOLE: Final = "console.doorward.localhost"
"""An application of the same site."""
FRAME: Final = "frame.doorward.localhost"
"""Doorward once more, in frames as narrow as a phone: windows of a desktop are wider."""
WIKI: Final = "wiki.example.localhost"
"""An application of another site."""
REPORTS: Final = "/csp-reports"

_CONFIGURATION: Final = """
defaults
    mode http
    timeout connect 10s
    timeout client 120s
    timeout server 120s
frontend browsers
    bind 127.0.0.1:{port} ssl crt {certificate}
    http-request return status 200 if {{ path /ready }}
    http-response replace-header Content-Security-Policy (.*) "\\1; report-uri {reports}"
    acl is_frame req.hdr(host) -m beg {frame}
    http-request set-var(txn.is_frame) bool(true) if is_frame
    http-response del-header X-Frame-Options if {{ var(txn.is_frame) -m bool }}
    http-response replace-header Content-Security-Policy "frame-ancestors 'none'" "frame-ancestors 'self'" \
        if {{ var(txn.is_frame) -m bool }}
    use_backend applications if {{ path {reports} /narrow }}
    use_backend doorward if is_frame
    use_backend doorward if {{ req.hdr(host) -m beg {id} }}
    default_backend applications
frontend development
    bind 127.0.0.1:{development_port}
    use_backend development if {{ path_beg /api/ }}
    default_backend applications
backend development
    server development 127.0.0.1:{development}
backend doorward
    server doorward 127.0.0.1:{doorward}
backend applications
    server applications {applications}
"""


@dataclass(frozen=True)
class Ports:
    """Where browsers come in, with TLS and without, and where the two servers are."""

    port: int
    doorward: int
    development_port: int
    development: int


class Edge(Process):
    """HAProxy: with TLS in front of Doorward and the applications, and without as a development server."""

    def __init__(self, folder: Path, certificate: Certificate, ports: Ports, *, applications: str) -> None:
        configuration = folder / "edge.cfg"
        configuration.write_text(
            _CONFIGURATION.format(
                **asdict(ports),
                certificate=certificate.pem,
                reports=REPORTS,
                frame=FRAME,
                id=ID,
                applications=applications.removeprefix("http://"),
            ),
            encoding="utf-8",
        )
        super().__init__(
            "haproxy",
            [need(HAPROXY), "-db", "-f", configuration],
            log=folder / "edge.log",
            ready=lambda: _listens(ports.port),
        )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
