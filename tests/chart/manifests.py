"""`python -m chart.manifests`: write deploy/manifests from the chart; with --check, compare.

The same objects as an installation by Helm, without what only Helm reads: its labels, its annotations
and what `helm test` runs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import yaml

from chart.render import CHART, Case, objects, render
from chart.tools import KUBECTL, KUSTOMIZE, MissingToolError, ToolError, run

FOLDER: Final = CHART.parents[1] / "deploy" / "manifests"
OVERLAYS: Final = ("dev", "production")
_OF_HELM: Final = "helm.sh/"
_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_COMPONENT: Final = "app.kubernetes.io/component"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as people do, and shared parts each where they are."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        """Write everything out."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def manifests(overlay: str) -> str:
    """Return what an overlay's doorward.yaml should hold, the same with Helm 3 and 4."""
    values = FOLDER / f"values-{overlay}.yaml"
    found = [without_helm(one) for one in objects(render(Case(values))) if not _is_test(one)]
    found.sort(key=lambda one: (one["kind"], one["metadata"]["name"]))
    header = f"# Made from charts/doorward with ../{values.name} by `make manifests`: change those.\n"
    return header + yaml.dump_all(found, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def without_helm(found: Any) -> Any:
    """Return an object without the labels and annotations that are Helm's."""
    if isinstance(found, list):
        return [without_helm(one) for one in found]
    if not isinstance(found, dict):
        return found
    kept = {key: without_helm(value) for key, value in found.items() if not _is_helms(key)}
    if kept.get("annotations") == {}:
        del kept["annotations"]
    return kept


def _is_helms(key: Any) -> bool:
    return isinstance(key, str) and (key.startswith(_OF_HELM) or key == _MANAGED_BY)


def _is_test(found: dict[str, Any]) -> bool:
    return bool(found["metadata"]["labels"][_COMPONENT] == "test")


def stale() -> dict[Path, str]:
    """Return the files that are not what the chart makes, with what they should hold."""
    made = {FOLDER / overlay / "doorward.yaml": manifests(overlay) for overlay in OVERLAYS}
    return {
        path: text
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }


def built(overlay: str) -> list[dict[str, Any]]:
    """Return what `kubectl apply -k` would apply, with new secrets, made aside."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "manifests"
        shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets"))
        environment = {**os.environ, "DOORWARD_DATABASE_ROOT_PASSWORD": "not-a-real-one"}
        command = ["sh", str(copy / "make-secrets"), overlay]
        subprocess.run(command, env=environment, capture_output=True, check=True)
        try:
            return objects(run(KUBECTL, ["kustomize", copy / overlay]))
        except MissingToolError:
            return objects(run(KUSTOMIZE, ["build", copy / overlay]))


def main() -> int:
    """Write, or with --check compare."""
    try:
        changed = stale()
    except (MissingToolError, ToolError) as error:
        print(f"manifests: {error}", file=sys.stderr)
        return 1
    names = ", ".join(str(path.relative_to(FOLDER)) for path in changed)
    if "--check" in sys.argv:
        if changed:
            print(f"out of step with the chart, run `make manifests`: {names}")
        return 1 if changed else 0
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    if changed:
        print(f"wrote {names}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
