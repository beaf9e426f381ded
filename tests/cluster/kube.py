"""kubectl and helm, against the cluster that KUBECONFIG names."""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chart.render import CHART
from chart.tools import HELM, KUBECTL, find

_SECONDS: Final = 400


class CommandError(Exception):
    """A command ended with an error; the message is what it printed."""


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
    """A namespace with Pod Security `restricted` enforced, and what is in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create(self) -> None:
        """Make it: pods that are not restricted are refused from now on."""
        kubectl("create", "namespace", self.name)
        kubectl("label", "namespace", self.name, "pod-security.kubernetes.io/enforce=restricted")

    def delete(self) -> None:
        """Remove it and everything in it."""
        kubectl("delete", "namespace", self.name, "--ignore-not-found", "--timeout=120s")

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
        (found,) = [one for one in self.objects("secret") if one["metadata"]["name"] == name]
        return base64.b64decode(found["data"][key]).decode()

    def usage(self) -> dict[str, tuple[float, float]]:
        """Return thousandths of a core, and MiB, of the largest pod of each component."""
        found: dict[str, tuple[float, float]] = {}
        for line in self.kubectl("top", "pods", "--no-headers").splitlines():
            name, cpu, memory = line.split()
            component = name.removeprefix("doorward-").split("-")[0]
            one = float(cpu.removesuffix("m")), float(memory.removesuffix("Mi"))
            found[component] = max(found.get(component, one), one)
        return found

    def rolled_out(self, *names: str, seconds: int = 300) -> None:
        """Wait until Deployments (or `kind/name`) are as they were asked for; raises CommandError."""
        for name in names:
            kind = name if "/" in name else f"deployment/{name}"
            self.kubectl("rollout", "status", kind, f"--timeout={seconds}s")


class Release:
    """The chart in a namespace."""

    def __init__(self, namespace: Namespace, name: str, values: Path) -> None:
        self.namespace = namespace
        self.name = name
        self.values = values
        self._set: list[str] = []

    @property
    def deployments(self) -> tuple[str, str, str]:
        """The Deployments that serve."""
        return f"{self.name}-auth", f"{self.name}-users", f"{self.name}-tickets"

    def helm(self, *arguments: str | Path) -> str:
        """Run helm; raises CommandError."""
        command = [find(HELM), "--namespace", self.namespace.name, *arguments]
        return _run(command, given=None, seconds=_SECONDS)

    def install(self) -> None:
        """Install it, and do not wait."""
        self.helm("install", self.name, CHART, "--values", self.values)

    def upgrade(self, *settings: str) -> None:
        """Set more values (`key=value`), on top of those set before, and wait until all pods are new."""
        self._set += [word for setting in settings for word in ("--set", setting)]
        self.helm("upgrade", self.name, CHART, "--values", self.values, *self._set)
        self.namespace.rolled_out(*self.deployments)

    def roll_back(self) -> None:
        """Return to the revision before, and wait."""
        self.helm("rollback", self.name)
        self.namespace.rolled_out(*self.deployments)
