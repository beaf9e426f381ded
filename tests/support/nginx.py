"""NGINX with the configuration that Docker Compose uses, on a free port."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from support.loopback import HOST, LOOPBACK
from support.ports import free_port
from support.probes import accepts
from support.processes import Process, inherited_environment
from support.requirements import NGINX, need

TEMPLATE: Final = Path(__file__).parents[2] / "deploy" / "compose" / "nginx.conf.template"


class Nginx(Process):
    """The router in front of services on ports of LOOPBACK.

    stop() sends SIGTERM, on which NGINX ends at once; its graceful stop is SIGQUIT.
    """

    def __init__(
        self,
        folder: Path,
        *,
        auth: int,
        users: int,
        tickets: int,
        trusted_edge: str = LOOPBACK,
        proxy_protocol: bool = False,
    ) -> None:
        """Prepare it; `trusted_edge` is the network whose client IPs are trusted.

        With `proxy_protocol`, the client IP is in the PROXY line of the connection and not in a header.
        """
        self.port = free_port()
        self.config = folder / "nginx.conf"
        state = folder / "nginx-state"
        state.mkdir(exist_ok=True)
        text = render(
            {
                "DOORWARD_NGINX_STATE": str(state),
                "DOORWARD_NGINX_LISTEN": f"{HOST}:{self.port}",
                "DOORWARD_TRUSTED_EDGE": trusted_edge,
                "DOORWARD_AUTH_SERVER": f"{HOST}:{auth}",
                "DOORWARD_USERS_SERVER": f"{HOST}:{users}",
                "DOORWARD_TICKETS_SERVER": f"{HOST}:{tickets}",
            }
        )
        self.config.write_text(with_proxy_protocol(text) if proxy_protocol else text, encoding="utf-8")
        # Workers of a root master would drop to www-data, which cannot enter a test's folder.
        directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        super().__init__(
            "nginx",
            [need(NGINX), "-c", self.config, "-e", "stderr", "-g", directives],
            log=folder / "nginx.log",
            ready=lambda: accepts(self.port),
        )

    def check_config(self) -> str:
        """Run NGINX's own check and return its output; raises for an invalid file."""
        done = subprocess.run(
            [self.command[0], "-t", "-c", self.config, "-e", "stderr"],
            env=inherited_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return (done.stdout + done.stderr).strip()


def render(values: Mapping[str, str]) -> str:
    """Fill in the template as envsubst does; raises KeyError for a name without a value."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"\$\{(DOORWARD_[A-Z_]+)\}", lambda match: values[match[1]], text)


def with_proxy_protocol(text: str) -> str:
    """Return a rendered configuration for clients that speak the PROXY protocol."""
    for directive, instead in (
        (" default_server;", " default_server proxy_protocol;"),
        ("real_ip_header X-Forwarded-For;", "real_ip_header proxy_protocol;"),
    ):
        assert text.count(directive) == 1, directive
        text = text.replace(directive, instead)
    return text
