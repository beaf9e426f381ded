"""kubectl and helm, with the cluster of KUBECONFIG."""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chart.render import CHART
from chart.tools import HELM, KUBECTL, find

SERVICES: Final = ("auth", "users", "tickets")
EVERY_SERVICE: Final = f"app.kubernetes.io/component in ({','.join(SERVICES)})"
"""The label selector of their pods."""

_SECONDS: Final = 400


class CommandError(Exception):
    """A command failed; the message is its output."""


def _run(arguments: Sequence[str | Path], *, given: str | None, seconds: float) -> str:
    done = subprocess.run(
        arguments, input=given, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode != 0:
        raise CommandError(f"{' '.join(map(str, arguments[1:]))}: {(done.stderr + done.stdout).strip()}")
    return done.stdout


def kubectl(*arguments: str, given: str | None = None, seconds: float = _SECONDS) -> str:
    """Run kubectl; raises CommandError."""
    return _run([find(KUBECTL), *arguments], given=given, seconds=seconds)


class Namespace:
    """A namespace that enforces Pod Security `restricted`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self) -> None:
        """Create it, with Pod Security enforced."""
        kubectl("create", "namespace", self.name)
        kubectl("label", "namespace", self.name, "pod-security.kubernetes.io/enforce=restricted")

    def delete(self) -> None:
        """Delete it with its content; do not wait."""
        kubectl("delete", "namespace", self.name, "--ignore-not-found", "--wait=false")

    def kubectl(self, *arguments: str, given: str | None = None, seconds: float = _SECONDS) -> str:
        """Run kubectl in this namespace; raises CommandError."""
        return kubectl("--namespace", self.name, *arguments, given=given, seconds=seconds)

    def objects(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        arguments = ["get", kind, "--output", "json", *(["--selector", selector] if selector else [])]
        found: list[dict[str, Any]] = json.loads(self.kubectl(*arguments))["items"]
        return found

    def secret(self, name: str, key: str) -> str:
        """Return one value of a Secret."""
        (found,) = [resource for resource in self.objects("secret") if resource["metadata"]["name"] == name]
        return base64.b64decode(found["data"][key]).decode()

    def usage(self) -> dict[str, tuple[float, float]]:
        """Return millicores and MiB of the largest pod of each component."""
        found: dict[str, tuple[float, float]] = {}
        for line in self.kubectl("top", "pods", "--no-headers").splitlines():
            name, cpu, memory = line.split()
            component = name.removeprefix("doorward-").split("-")[0]
            one = float(cpu.removesuffix("m")), float(memory.removesuffix("Mi"))
            found[component] = max(found.get(component, one), one)
        return found

    def rolled_out(self, *names: str, seconds: int = 300) -> None:
        """Wait until Deployments (or `kind/name`) are rolled out; raises CommandError."""
        for name in names:
            kind = name if "/" in name else f"deployment/{name}"
            self.kubectl("rollout", "status", kind, f"--timeout={seconds}s")


class Release:
    """The chart in a namespace."""

    def __init__(self, namespace: Namespace, name: str, values: Path) -> None:
        self.namespace = namespace
        self.name = name
        self.values = values
        self._upgrades: list[list[str]] = []

    @property
    def deployments(self) -> list[str]:
        """The Deployments of the services."""
        return [f"{self.name}-{service}" for service in SERVICES]

    def helm(self, *arguments: str | Path) -> str:
        """Run helm; raises CommandError."""
        command = [find(HELM), "--namespace", self.namespace.name, *arguments]
        return _run(command, given=None, seconds=_SECONDS)

    def install(self) -> None:
        """Install the chart; do not wait."""
        self.helm("install", self.name, CHART, "--values", self.values)

    def upgrade(self, *settings: str) -> None:
        """Set values (`key=value`) in addition to earlier ones, and wait until all pods are replaced."""
        self._upgrades.append([word for setting in settings for word in ("--set", setting)])
        words = [word for upgrade in self._upgrades for word in upgrade]
        self.helm("upgrade", self.name, CHART, "--values", self.values, *words)
        self.namespace.rolled_out(*self.deployments)

    def roll_back(self) -> None:
        """Return to the previous revision, and wait."""
        self.helm("rollback", self.name)
        self._upgrades.pop()
        self.namespace.rolled_out(*self.deployments)
