"""DOORWARD_UPSTREAMS_FILE: what is accepted, and that each error names the place and what to write."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doorward_auth.upstream_adapters.json_pointer import JsonPointer
from doorward_auth.upstream_adapters.settings.rest import RestSettings
from doorward_auth.upstream_adapters.settings.upstreams import UpstreamSettings, parse_providers
from doorward_client.settings import SettingsError, load_settings
from unit.auth.upstream.mistakes import EXAMPLE, OIDC, error_of, rest


def test_the_example_is_accepted_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_UPSTREAMS_FILE", str(EXAMPLE))
    (name, settings), *others = load_settings(UpstreamSettings).providers.items()
    assert (name, others) == ("theapi", [])
    assert isinstance(settings, RestSettings)
    assert settings.register_ is not None
    assert settings.register_.fields["username"] == "email"
    assert settings.answer.subject == JsonPointer("/user/id")
    assert settings.claims == {"plan": JsonPointer("/user/plan")}


def test_without_the_setting_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOORWARD_UPSTREAMS_FILE", raising=False)
    assert load_settings(UpstreamSettings).providers == {}


def test_the_service_does_not_start_with_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "upstreams.json"
    file.write_text('{"theapi": {"adapter": "ldap"}}', encoding="utf-8")
    monkeypatch.setenv("DOORWARD_UPSTREAMS_FILE", str(file))
    with pytest.raises(SettingsError) as rejected:
        load_settings(UpstreamSettings)
    assert str(rejected.value) == "DOORWARD_UPSTREAMS_FILE /theapi/adapter: write rest, oidc, or oauth2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"a": {}, "a": {}}', "names a member twice"),
        (json.dumps({f"n{number}": OIDC for number in range(33)}), "more than 32"),
        (" " * 300_000, "longer than"),
        ('{"a": 1e999}', "out of range"),
    ],
)
def test_a_file_that_is_no_object_of_upstreams_is_rejected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_providers(text)


@pytest.mark.parametrize("name", ["", "The-API", "a/b", "ä", "x" * 33, "a b", "a_b"])
def test_a_name_is_letters_digits_and_hyphens(name: str) -> None:
    assert "write a name of 1 to 32 letters" in error_of(OIDC, name)


def test_our_own_words_are_no_names() -> None:
    assert error_of(OIDC, "callback") == "/callback: write another name, because this one is reserved"


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Return a function that sets the member at a path; a value of ... removes it."""
    *parents, last = path.split("/")

    def apply(settings: dict[str, Any]) -> None:
        for parent in parents:
            settings = settings[parent]
        if value is ...:
            del settings[last]
        else:
            settings[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("login", ..., "/theapi/login is missing: write the request that logs in"),
        ("answer/subject", ..., "/theapi/answer/subject is missing: write JSON pointer of the user's id"),
        (
            "answer/subject",
            "user/id",
            '/theapi/answer/subject is no JSON pointer (RFC 6901): write one like "/',
        ),
        ("answer/subject", 7, "/theapi/answer/subject is no JSON pointer"),
        ("register/body", "xml", "; write multipart, form, or json"),
        ("register/path", "api", "/theapi/register/path: string should match pattern"),
        ("register/path", "/a#b", "/theapi/register/path: string should match pattern"),
        ("register/typo", 1, "/theapi/register/typo is unknown: remove it"),
        ("register/fields/email", "mail", "; write the upstream's field names and ours: email, password"),
        ("register/fields", {"e": "email"}, '/theapi/register/fields: write a field for "password"'),
        ("register/body", "json", '/theapi/register/body: write "multipart", which image_field needs'),
        ("login/fields", {"p": "password"}, '/theapi/login/fields: write one field for "email" and one for'),
        ("login_by", "username", '/theapi/login/fields: write one field for "username"'),
        ("refresh/fields", {}, '/theapi/refresh/fields: write a field for "refresh_token"'),
        ("answer/refresh_token", ..., "/theapi/refresh and /answer/refresh_token go together"),
        ("refresh", ..., "/theapi/refresh and /answer/refresh_token go together"),
        ("claims", {"Plan": "/plan"}, "/theapi/claims/Plan: string should match pattern"),
        ("claims", {f"c{number}": "/x" for number in range(17)}, "/theapi/claims: dictionary should have at"),
        ("timeout_seconds", "10", "/theapi/timeout_seconds: input should be a valid number; write seconds"),
        ("timeout_seconds", 31, "; write seconds for a whole request, up to 30"),
        ("ca_file", "/nothing.pem", "/theapi/ca_file names a file without usable certificates: /nothing.pem"),
        (
            "api_key",
            "s3cret",
            "/theapi/api_key does not belong into this file: write api_key_file or",
        ),
        ("api_key_header", "X-Api-Key", "/theapi/api_key_header goes with api_key_file or api_key_env"),
        ("api_key_header", "Host", "/theapi/api_key_header is a header that HTTP itself needs"),
        ("errors", {"taken": [{"status": 42}]}, "/theapi/errors/taken/0/status: "),
        ("errors", {"taken": [{"status": 400, "value": "x"}]}, "/theapi/errors/taken/0/pointer: write where"),
        ("roles", {"staff": "admin"}, "/theapi/roles and /groups go together"),
        ("base_url", "ftp://x", "/theapi/base_url: write a URL like https://"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_to_write(path: str, value: object, message: str) -> None:
    settings = copy.deepcopy(rest())
    change(path, value)(settings)
    assert message in error_of(settings)


def test_all_mistakes_are_named_at_once() -> None:
    settings = rest()
    del settings["login"]
    settings["register"]["body"] = "xml"
    assert error_of(settings).count("/theapi/") == 2


def test_an_error_never_quotes_a_value() -> None:
    assert "s3cret" not in error_of({**OIDC, "client_secret": "s3cret", "timeout_seconds": "s3cret"})
