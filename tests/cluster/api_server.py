"""A Kubernetes API server and its etcd on this machine, without nodes: it authenticates and authorizes."""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx2

from chart.tools import KUBECTL, find
from support.certificates import Certificate
from support.ports import free_port
from support.probes import http_status
from support.processes import Process, inherited_environment, search_path
from support.requirements import fail_or_skip

_ADMIN_TOKEN: Final = "of-the-group-system-masters"
_START_SECONDS: Final = 240.0


class ApiServer:
    """The two processes; users are those of an authentication configuration, and an administrator."""

    def __init__(self, folder: Path, certificate: Certificate, authentication: Path) -> None:
        self._folder = folder
        self._certificate = certificate
        self.port: Final = free_port()
        etcd, peers = free_port(), free_port()
        self._etcd = Process(
            "etcd",
            [
                _program("etcd"),
                *("--data-dir", folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn"),
                *("--listen-client-urls", f"http://127.0.0.1:{etcd}"),
                *("--advertise-client-urls", f"http://127.0.0.1:{etcd}"),
                *("--listen-peer-urls", f"http://127.0.0.1:{peers}"),
                *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peers}"),
                *("--initial-cluster", f"default=http://127.0.0.1:{peers}"),
            ],
            log=folder / "etcd.log",
            ready=lambda: http_status(etcd, "/health") == 200,
        )
        tokens = folder / "tokens.csv"
        tokens.write_text(f'"{_ADMIN_TOKEN}",admin,admin,system:masters\n', encoding="utf-8")
        key = certificate.pem
        self._api = Process(
            "kube-apiserver",
            [
                _program("kube-apiserver"),
                *("--bind-address", "127.0.0.1", "--secure-port", str(self.port)),
                *("--etcd-servers", f"http://127.0.0.1:{etcd}", "--authorization-mode", "RBAC"),
                *("--tls-cert-file", key, "--tls-private-key-file", key, "--token-auth-file", tokens),
                *("--service-account-issuer", "https://kubernetes.default.svc"),
                *("--service-account-key-file", key, "--service-account-signing-key-file", key),
                *("--service-cluster-ip-range", "10.0.0.0/24"),
                *("--authentication-config", authentication),
            ],
            log=folder / "kube-apiserver.log",
            ready=self._is_ready,
        )

    def kubectl(
        self, *arguments: str, token: str = _ADMIN_TOKEN, given: str | None = None
    ) -> tuple[int, str]:
        """Run kubectl with a token; return its status and what it said."""
        return self.run(*arguments, f"--token={token}", given=given)

    def run(
        self, *arguments: str, config: Path = Path(os.devnull), given: str | None = None
    ) -> tuple[int, str]:
        """Run kubectl with a configuration of its user; return its status and what it said."""
        server = ("--server", f"https://localhost:{self.port}")
        done = subprocess.run(
            [find(KUBECTL), *arguments, *server, "--certificate-authority", self._certificate.authority],
            env={**inherited_environment(), "KUBECONFIG": str(config), "HOME": str(self._folder)},
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def __enter__(self) -> Self:
        self._etcd.start()
        try:
            self._api.start(_START_SECONDS)
        except BaseException:
            self._etcd.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._api.kill9()  # a graceful stop waits a minute for watches
        self._etcd.stop()

    def _is_ready(self) -> bool:
        headers = {"Authorization": f"Bearer {_ADMIN_TOKEN}"}
        tls = self._certificate.client_context()
        try:
            return (
                httpx2.get(f"https://localhost:{self.port}/readyz", headers=headers, verify=tls).status_code
                == 200
            )
        except httpx2.HTTPError:
            return False


def _program(name: str) -> str:
    """Find a program of Kubernetes; without it the test fails (CI) or is skipped (elsewhere)."""
    path = os.pathsep.join([os.environ.get("KUBEBUILDER_ASSETS", ""), search_path()])
    found = shutil.which(name, path=path)
    if found is None:
        fail_or_skip(
            f"{name} is neither in PATH nor in KUBEBUILDER_ASSETS: users of Kubernetes are NOT checked;"
            " `go run sigs.k8s.io/controller-runtime/tools/setup-envtest@latest use` downloads it"
        )
    return found
