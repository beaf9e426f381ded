"""Runs the commands of docs/operations.md as they are written there."""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from chart.tools import HELM, KUBECTL, ROOT, find
from cluster.kube import Namespace, kubectl

_PAGE: Final = ROOT / "docs" / "operations.md"
_BLOCK: Final = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_SECONDS: Final = 600


def commands(heading: str) -> list[str]:
    """Return the code blocks below a heading of level two."""
    (section,) = re.findall(
        rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    return _BLOCK.findall(section)


class Shell:
    """A shell in a checkout, with a current namespace and values.yaml."""

    def __init__(self, folder: Path, namespace: Namespace, values: Path) -> None:
        self._folder = folder
        (folder / "charts").symlink_to(ROOT / "charts")
        (folder / "values.yaml").write_text(values.read_text("utf-8"), encoding="utf-8")
        config = folder / "kubeconfig"
        config.touch(mode=0o600)
        config.write_text(kubectl("config", "view", "--raw", "--flatten"), encoding="utf-8")
        tools = [str(Path(find(tool)).parent) for tool in (KUBECTL, HELM)]
        path = os.pathsep.join([*tools, os.environ["PATH"]])
        self._env = {**os.environ, "PATH": path, "KUBECONFIG": str(config)}
        self.run(f"kubectl config set-context --current --namespace {namespace.name}")

    def run(self, text: str) -> str:
        """Run commands until the first failure; return their output."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self._folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout
