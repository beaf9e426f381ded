"""A shared cache between pages and a service: NGINX keeps one answer an origin, because of `Vary`."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from support.ports import free_port
from support.probes import accepts
from support.processes import Process
from support.requirements import NGINX, need
from support.services import Service, migrate

LISTED = "https://app.example.com"
OTHER = "https://other.example"
ALLOW_ORIGIN = "access-control-allow-origin"
NOTHING = "/api/v1/auth/nothing"
KEYS = "/api/v1/auth/jwks.json"

# It caches what services say must not be cached, so that an answer with an origin is there to be mixed up.
CONFIG = """
pid {state}/nginx.pid;
events {{}}
http {{
    client_body_temp_path {state}/body;
    proxy_temp_path {state}/proxy;
    fastcgi_temp_path {state}/fastcgi;
    uwsgi_temp_path {state}/uwsgi;
    scgi_temp_path {state}/scgi;
    access_log off;
    proxy_cache_path {state}/cache keys_zone=answers:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_cache answers;
            proxy_cache_valid any 10m;
            proxy_ignore_headers Cache-Control Expires;
            add_header X-Cache $upstream_cache_status always;
            proxy_pass http://127.0.0.1:{service};
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of NGINX in front of auth."""
    folder: Path = tmp_path_factory.mktemp("cache")
    database = f"sqlite:///{folder}/doorward.db"
    migrate(database)
    env = {"DOORWARD_ALLOWED_ORIGINS": LISTED}
    port = free_port()
    with ExitStack() as stack:
        auth = stack.enter_context(Service("auth", database_url=database, log=folder / "auth.log", env=env))
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(state=folder, port=port, service=auth.port), encoding="utf-8")
        directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        command: list[str | Path] = [need(NGINX), "-c", config, "-e", "stderr", "-g", directives]
        log = folder / "nginx.log"
        stack.enter_context(Process("nginx", command, log=log, ready=lambda: accepts(port)))
        yield f"http://127.0.0.1:{port}"


def answer(cache: str, path: str, origin: str | None) -> tuple[str, str | None]:
    """Return whether NGINX had the answer, and which origin may read it."""
    headers = {} if origin is None else {"Origin": origin}
    response = httpx2.get(cache + path, headers=headers, trust_env=False)
    return response.headers["x-cache"], response.headers.get(ALLOW_ORIGIN)


def test_each_origin_has_an_answer_of_its_own(cache: str) -> None:
    assert answer(cache, NOTHING, None) == ("MISS", None)
    assert answer(cache, NOTHING, LISTED) == ("MISS", LISTED)
    assert answer(cache, NOTHING, OTHER) == ("MISS", None)
    assert answer(cache, NOTHING, LISTED) == ("HIT", LISTED)
    assert answer(cache, NOTHING, None) == ("HIT", None)


def test_a_public_document_is_one_answer_for_all(cache: str) -> None:
    assert answer(cache, KEYS, OTHER) == ("MISS", "*")
    assert answer(cache, KEYS, LISTED) == ("HIT", "*")
    assert answer(cache, KEYS, None) == ("HIT", "*")
