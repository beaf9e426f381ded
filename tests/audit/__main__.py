"""`python -m audit LOCK...`: ask for advisories about every pinned package, and report them.

The exit status is 1 if there are any, and 0 if there are none or the advisories cannot be reached, which is
said loudly.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

Dependency = dict[str, Any]
_NETWORK_ERRORS = ("onnect", "imeout", "timed out", "Max retries exceeded", "ProxyError", "ServiceError")


def main(locks: list[str]) -> int:
    """Audit the locks; return the exit status."""
    found = {lock: _audited(Path(lock)) for lock in locks}
    unreached = [one for dependencies in found.values() for one in dependencies if "skip_reason" in one]
    for lock, dependencies in found.items():
        for dependency in dependencies:
            for advisory in dependency.get("vulns", []):
                fixed = ", ".join(advisory["fix_versions"]) or "nothing yet"
                name = f"{dependency['name']} {dependency['version']}"
                print(f"{lock}: {name}: {advisory['id']}, fixed in {fixed}")
    if unreached:
        print(
            f"*** NOT RUN: advisories about {len(unreached)} packages could not be read, of"
            f" {unreached[0]['name']}: {unreached[0]['skip_reason']}",
            file=sys.stderr,
        )
    is_vulnerable = any(one.get("vulns") for dependencies in found.values() for one in dependencies)
    if not unreached and not is_vulnerable:
        print(f"no known vulnerabilities in {sum(map(len, found.values()))} pinned packages")
    return 1 if is_vulnerable else 0


def _audited(lock: Path) -> list[Dependency]:
    """Return what pip-audit says about each package of a lock, or why it cannot.

    Raises RuntimeError if that is not the network's fault.
    """
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner", "off"]
    command += ["--format", "json", "--requirement", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    try:
        dependencies: list[Dependency] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        if not any(word in done.stderr for word in _NETWORK_ERRORS):
            raise RuntimeError(f"pip-audit failed: {reason}") from None
        return [{"name": lock.name, "skip_reason": reason}]
    return dependencies


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
