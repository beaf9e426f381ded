"""Which pods of a release get upstreams and the keys of the vault, and where auth may connect to."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from chart.mounted_files import OF_WHOLE_SECRETS
from chart.policy import containers, pod_spec
from chart.render import label

Object = dict[str, Any]

_FILES: Final = {"upstreams.json": {"auth"}, "vault-keys.json": {"auth", "rotate-vault"}}
"""The programs that read each file."""

EGRESS: Final = {
    "upstreams-values.yaml": {
        "192.0.2.10/32": {8443, 443, 80},
        "keycloak": {8443},
        "0.0.0.0/0": {443, 4443, 8444},
    },
    "upstreams-file-values.yaml": {"192.0.2.0/24": {443, 9009}},
}
"""The connections that each values file in ci allows to upstreams: ports by peer."""


def problems(values: str, release: Sequence[Object]) -> list[str]:
    """Return the violations in a release, rendered with a values file of ci."""
    expected = EGRESS.get(values, {})
    wrong = [problem for found in release for problem in _pod_problems(found, has_upstreams=bool(expected))]
    if not expected:
        wrong += [f"{label(found)}: there is no upstream" for found in release if _is_of_upstreams(found)]
    policies = [found for found in release if found["kind"] == "NetworkPolicy" and _is_of_upstreams(found)]
    wrong += [f"{label(found)}: is not for auth alone" for found in policies if not _selects_auth(found)]
    allowed = {peer: ports for found in policies for peer, ports in _egress(found)}
    if allowed != expected:
        wrong.append(f"auth may connect to {allowed}, expected {expected}")
    return wrong


def _pod_problems(found: Object, *, has_upstreams: bool) -> Iterator[str]:
    pod = pod_spec(found)
    names = {container["name"] for container in containers(pod)}
    mounted = set(_mounted(pod))
    for file, readers in _FILES.items():
        needs = has_upstreams and bool(names & readers)
        if needs != (file in mounted):
            yield f"{label(found)}: {'lacks' if needs else 'mounts'} {file}"


def _mounted(pod: Object) -> Iterator[str]:
    for volume in pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", []):
            for reference in source.values():
                items = reference.get("items", OF_WHOLE_SECRETS.get(volume["name"], ()))
                yield from (item["path"] for item in items)


def _is_of_upstreams(found: Object) -> bool:
    name: str = found["metadata"]["name"]
    return "upstream" in name or "vault" in name


def _selects_auth(policy: Object) -> bool:
    labels = policy["spec"]["podSelector"]["matchLabels"]
    return bool(labels.get("app.kubernetes.io/component") == "auth")


def _egress(policy: Object) -> Iterator[tuple[str, set[int]]]:
    """Yield the peers and ports of a policy."""
    for rule in policy["spec"]["egress"]:
        for peer in rule["to"]:
            yield _name(peer), {port["port"] for port in rule["ports"]}


def _name(peer: Object) -> str:
    if "ipBlock" in peer:
        cidr: str = peer["ipBlock"]["cidr"]
        return cidr
    namespace: str = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    return namespace
