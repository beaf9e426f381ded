"""The last test: an uninstall keeps what the notes name, and a new release uses it."""

import re
import time

import httpx2

from cluster.kube import Namespace, Release
from cluster.people import Person, wait_for_login

KINDS = (
    "deployment,statefulset,job,cronjob,pod,service,ingress,networkpolicy,configmap,secret,serviceaccount,pvc"
    ",pdb,hpa"
)
OF_KUBERNETES = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


def left(namespace: Namespace) -> set[str]:
    names = namespace.kubectl("get", KINDS, "--output", "name").split()
    short = {re.sub(r"^(\w+?)(\.[\w.]+)?/", r"\1/", name) for name in names}
    short = {name.replace("persistentvolumeclaim/", "pvc/") for name in short}
    return {name for name in short if "sh.helm.release" not in name} - OF_KUBERNETES


def test_an_uninstall_keeps_what_the_notes_name_and_a_new_release_uses_it(
    release: Release, namespace: Namespace, client: httpx2.Client, admin: Person
) -> None:
    notes = release.helm("get", "notes", release.name)
    (named,) = re.findall(r"delete ((?:secret|pvc)/.*)$", notes, re.MULTILINE)
    release.helm("uninstall", release.name, "--wait")
    namespace.kubectl("delete", "pod/doorward-test", "--ignore-not-found")
    deadline = time.monotonic() + 120
    while left(namespace) != set(named.split()):
        assert time.monotonic() < deadline, f"left: {left(namespace)}, named: {named}"
        time.sleep(2)
    release.install()
    assert wait_for_login(client, admin.email, admin.password, 240).access
