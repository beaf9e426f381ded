"""No import cycles, between packages or between modules, in any of the distributions.

The modules and folders of each folder are the nodes of a graph; a folder has the imports of its content.
Imports inside functions and for type checking count too, because cycles also concern readability.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

SERVICES: Final = Path(__file__).parents[2] / "services"
ROOTS: Final = {path.name: path for path in sorted(SERVICES.glob("*/src/doorward*"))}

Graph = dict[str, set[str]]


def _modules(root: Path) -> dict[str, Path]:
    """Return a distribution's modules by dotted name; the one of a package is `package.__init__`."""
    return {
        ".".join(path.relative_to(root.parent).with_suffix("").parts): path for path in root.rglob("*.py")
    }


def _imported(source: str) -> Iterator[str]:
    """Yield the dotted names that a module imports, including names imported from a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def _resolve(name: str, modules: Mapping[str, Path]) -> str | None:
    """Return the module of an imported name, None for one of another distribution."""
    while name:
        for found in (name, f"{name}.__init__"):
            if found in modules:
                return found
        name = name.rpartition(".")[0]
    return None


def _graph(modules: Mapping[str, Path]) -> Graph:
    """Return the edges at every level, between children of the folder that two modules share."""
    graph: Graph = defaultdict(set)
    for name, path in modules.items():
        for imported in _imported(path.read_text(encoding="utf-8")):
            target = _resolve(imported, modules)
            if target is None or target == name:
                continue
            ours, theirs = name.split("."), target.split(".")
            shared = next(
                index for index, pair in enumerate(zip(ours, theirs, strict=False)) if len(set(pair)) > 1
            )
            graph[".".join(ours[: shared + 1])].add(".".join(theirs[: shared + 1]))
    return graph


def _in_cycles(graph: Graph) -> set[str]:
    """Return the nodes that can reach themselves."""
    return {node for node in graph if node in _reachable(graph, node)}


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(graph.get(node, ()))
    return seen


def _require_no_cycle(graph: Graph) -> None:
    found = _in_cycles(graph)
    edges = sorted(f"{node} -> {other}" for node in found for other in graph[node] & found)
    assert not edges, "a new cycle"


@pytest.mark.parametrize("name", ROOTS)
def test_a_distribution_has_no_import_cycle(name: str) -> None:
    _require_no_cycle(_graph(_modules(ROOTS[name])))


def test_distributions_import_each_other_in_one_direction() -> None:
    graph: Graph = defaultdict(set)
    for name, root in ROOTS.items():
        for path in root.rglob("*.py"):
            imported = {module.partition(".")[0] for module in _imported(path.read_text(encoding="utf-8"))}
            graph[name] |= imported & ROOTS.keys() - {name}
    _require_no_cycle(graph)


def test_a_cycle_is_detected(tmp_path: Path) -> None:
    """A cycle between folders but not modules, through an import in a function."""
    files = {
        "example/__init__.py": "",
        "example/one/__init__.py": "",
        "example/one/first.py": "def late():\n    from example.two import third\n",
        "example/one/second.py": "VALUE = 1\n",
        "example/two/__init__.py": "",
        "example/two/third.py": "from example.one.second import VALUE\n",
        "example/alone.py": "from example.one import first\n",
    }
    for name, source in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    assert _in_cycles(_graph(_modules(tmp_path / "example"))) == {"example.one", "example.two"}
