"""An application that knows nothing, behind oauth2-proxy, with the files of docs/applications.md."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from support.documentation import at, documented_file, documented_line
from support.echo import EchoServer
from support.ports import free_port
from support.probes import accepts, http_status
from support.processes import Process
from support.requirements import NGINX, need
from support.standalone import Standalone

PAGE: Final = "applications.md"
_NGINX: Final = """
error_log stderr; pid {folder}/nginx.pid; events {{}}
http {{
    access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; include {folder}/wiki.conf; }}
}}
"""


@dataclass(frozen=True)
class Wiki:
    """The application, and its address for browsers."""

    url: str
    issuer_host: str
    application: EchoServer

    def header(self, name: str) -> list[str]:
        """Return what the application's last request had in a header."""
        return self.application.received[-1].values(name)

    @property
    def sign_out(self) -> str:
        """The documented address, which ends both sessions."""
        here = {
            _quoted("https://id.example.com"): _quoted(f"http://{self.issuer_host}"),
            _quoted(_quoted("https://wiki.example.com")): _quoted(_quoted(self.url)),
        }
        return self.url + at(documented_line(PAGE, "/oauth2/sign_out?"), here)


@contextmanager
def running_wiki(server: Standalone, binary: Path, folder: Path, *, behind_nginx: bool) -> Iterator[Wiki]:
    """Register it at an installation, and run it."""
    proxy, port = free_port(), free_port()
    client_id = "wiki-behind-nginx" if behind_nginx else "wiki"
    url = f"http://localhost:{port if behind_nginx else proxy}"
    with EchoServer() as application:
        wiki = Wiki(url, urlsplit(server.url).netloc, application)
        here = {
            "https://wiki.example.com": url,
            "https://id.example.com": server.url,
            "id.example.com": wiki.issuer_host,
            "client add wiki": f"client add {client_id}",
            'client_id = "wiki"': f'client_id = "{client_id}"',
            "http://127.0.0.1:8081": f"http://127.0.0.1:{application.port}",
            "http://127.0.0.1:4180": f"http://127.0.0.1:{proxy}",
        }
        secret = server.register(at(documented_line(PAGE, "doorward client add wiki"), here))
        settings = at(documented_file(PAGE, "oauth2-proxy.cfg"), here)
        if behind_nginx:
            others = [line for line in settings.splitlines() if not line.startswith("upstreams")]
            settings = "\n".join([*others, documented_file(PAGE, "behind-nginx.cfg")])
            (folder / "wiki.conf").write_text(at(documented_file(PAGE, "wiki.conf"), here))
        with _oauth2_proxy(binary, folder, proxy, settings, secret):
            if behind_nginx:
                with _nginx(folder, port):
                    yield wiki
            else:
                yield wiki


def _oauth2_proxy(binary: Path, folder: Path, port: int, settings: str, secret: str) -> Process:
    config = folder / "oauth2-proxy.cfg"
    config.write_text(settings)
    return Process(
        "oauth2-proxy",
        # Of the test: its port, and a refresh with every request that is a second later.
        [binary, f"--config={config}", f"--http-address=127.0.0.1:{port}", "--cookie-refresh=1s"],
        log=folder / "oauth2-proxy.log",
        ready=lambda: http_status(port, "/ping") == 200,
        env={
            "OAUTH2_PROXY_CLIENT_SECRET": secret,
            "OAUTH2_PROXY_COOKIE_SECRET": secrets.token_urlsafe(32),
        },
    )


def _nginx(folder: Path, port: int) -> Process:
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port))
    # Workers of a root master would drop to www-data, which cannot enter a test's folder.
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    command: list[str | Path] = [need(NGINX), "-c", config, "-e", "stderr", "-g", directives]
    return Process("nginx", command, log=folder / "nginx.log", ready=lambda: accepts(port))


def _quoted(text: str) -> str:
    return quote(text, safe="")
