"""Registration in a cluster without a mail server: the mail is in the development mailbox."""

import re
import time

import httpx2
import pytest

from cluster.kube import CommandError, Namespace, Release
from cluster.people import AUTH, sign_in

pytestmark = pytest.mark.usefixtures("release")

READ = """
import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8025/mailbox/" + sys.argv[1], timeout=10).read().decode())
"""
_SECONDS = 60.0


def page(namespace: Namespace, path: str) -> str:
    """Read a page of the mailbox as a forwarded port does: from the pod's own loopback address."""
    return namespace.kubectl("exec", "deployment/doorward-dev-mailbox", "--", "python", "-c", READ, path)


def mailed_code(namespace: Namespace, key: str, email: str) -> str:
    """Wait for the mail to an address, and return the code in it."""
    deadline = time.monotonic() + _SECONDS
    while True:
        links = re.findall(rf'{re.escape(email)}</td><td><a href="/mailbox/([^"]+)"', page(namespace, key))
        if links:
            found = re.search(r"\bdwv_[\w-]+", page(namespace, links[0]))
            assert found is not None
            return found[0]
        assert time.monotonic() < deadline, f"no mail to {email} within {_SECONDS} s"
        time.sleep(0.5)


def test_a_registration_is_completed_with_the_mail_in_the_mailbox(
    client: httpx2.Client, namespace: Namespace
) -> None:
    namespace.rolled_out("doorward-dev-mailbox")
    grace = {"email": f"grace{time.monotonic_ns()}@example.com", "password": "a compiler of some kind"}
    asked = client.post(f"{AUTH}/register", json=grace)
    assert asked.status_code == 202, asked.text
    code = mailed_code(namespace, namespace.secret("doorward-dev-mailbox", "mailbox-key"), grace["email"])
    body = {"code": code, "registration_token": asked.json()["registration_token"]}
    verified = client.post(f"{AUTH}/verify-email", json=body)
    assert verified.status_code == 200, verified.text
    sign_in(client, grace["email"], grace["password"])


def test_without_its_secret_the_mailbox_shows_nothing(namespace: Namespace) -> None:
    namespace.rolled_out("doorward-dev-mailbox")
    with pytest.raises(CommandError, match="404"):
        page(namespace, "not-the-key-of-this-mailbox")


def test_open_registration_without_mail_is_rejected_before_anything_changes(release: Release) -> None:
    with pytest.raises(CommandError, match="registration=open requires mail"):
        release.helm(
            "upgrade", release.name, "charts/doorward", "--dry-run=client", "--values", release.values,
            "--set", "devMailbox.enabled=false",
        )  # fmt: skip
