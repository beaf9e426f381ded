"""Back up and restore: the dump has everything, and nothing of later."""

import httpx2

from cluster.kube import Namespace, Release
from cluster.people import TICKETS, Person, bearer, make_person, sign_in

DATABASE = "statefulset/doorward-mariadb"
AS_ROOT = 'MYSQL_PWD="$(cat /run/secrets/doorward/root-password)" exec'
DUMP = f"{AS_ROOT} mariadb-dump -uroot --single-transaction --databases doorward doorward_tickets"
PODS = "app.kubernetes.io/component in (auth, users, tickets)"
RESTORE = f"{AS_ROOT} mariadb -uroot"


def ask(client: httpx2.Client, person: Person, subject: str) -> str:
    answer = client.post(TICKETS, json={"subject": subject, "text": "Please."}, headers=bearer(person))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def status(client: httpx2.Client, person: Person, ticket: str) -> int:
    return client.get(f"{TICKETS}/{ticket}", headers=bearer(person)).status_code


def test_a_backup_brings_back_what_was_there(
    release: Release, namespace: Namespace, client: httpx2.Client, admin: Person
) -> None:
    person = make_person(client, admin)
    kept = ask(client, person, "asked before the backup")
    backup = namespace.kubectl("exec", DATABASE, "--", "sh", "-c", DUMP)
    lost = ask(client, person, "asked after it")
    services = [f"deployment/{name}" for name in release.deployments]
    namespace.kubectl("scale", *services, "--replicas=0")
    namespace.kubectl("wait", "pod", f"--selector={PODS}", "--for=delete", "--timeout=120s")
    namespace.kubectl("exec", "--stdin", DATABASE, "--", "sh", "-c", RESTORE, given=backup)
    namespace.kubectl("scale", *services, "--replicas=2")
    namespace.rolled_out(*release.deployments)
    again = sign_in(client, person.email, person.password)
    assert status(client, again, kept) == 200
    assert status(client, again, lost) == 404
