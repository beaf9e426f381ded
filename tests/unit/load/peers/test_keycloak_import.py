"""A realm of many users is imported from several files."""

from support.keycloak import import_files


def test_users_are_in_files_of_their_own() -> None:
    users = [{"username": str(number)} for number in range(1_001)]
    files = import_files({"realm": "team", "enabled": True, "users": users})
    assert list(files) == ["team-realm.json", *(f"team-users-{number}.json" for number in range(3))]
    assert files.pop("team-realm.json") == {"realm": "team", "enabled": True}
    assert {document["realm"] for document in files.values()} == {"team"}
    assert [user for document in files.values() for user in document["users"]] == users
