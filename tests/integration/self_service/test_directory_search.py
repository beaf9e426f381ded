"""Users are found in the directory as soon as they have joined, and by their new address after a change."""

from integration.harness.installation import USERS, Installation
from integration.harness.people import People
from integration.self_service.flows import CHOSEN, Flows


def find(installation: Installation, people: People, q: str) -> list[str]:
    page = installation.call("GET", USERS, people.admin.access, params={"q": q}).json()
    return [item["email"] for item in page["items"]]


def test_a_registered_user_is_found(flows: Flows, installation: Installation, people: People) -> None:
    registered = flows.register("grace@example.com", name="Grace Hopper")
    assert find(installation, people, "hopper") == []
    flows.verify_registered(flows.code_of("grace@example.com"), registered)
    assert (
        find(installation, people, "hopper") == find(installation, people, "grace@") == ["grace@example.com"]
    )


def test_a_changed_address_is_found(flows: Flows, installation: Installation, people: People) -> None:
    grace = flows.join("grace@example.com", name="Grace Hopper")
    flows.ask_for_address(grace.access, "hopper@navy.example.com", CHOSEN)
    assert find(installation, people, "@navy") == []
    assert flows.confirm_address(grace.access, flows.pin_of("hopper@navy.example.com")).status_code == 204
    assert find(installation, people, "@navy") == ["hopper@navy.example.com"]
    assert find(installation, people, "grace@") == []
    assert find(installation, people, "grace") == ["hopper@navy.example.com"]
