"""The settings that docs/upstream.md shows are accepted as they stand."""

import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from doorward_auth.upstream_adapters.settings.oauth import OAuth2Settings, OidcSettings
from doorward_auth.upstream_adapters.settings.provider import OAuthClientSettings, ProviderSettings
from doorward_auth.upstream_adapters.settings.rest import RestSettings
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers

PAGE = (Path(__file__).parents[4] / "docs" / "upstream.md").read_text(encoding="utf-8")
CODE = {word for code in re.findall(r"`([^`\n]+)`", PAGE) for word in re.findall(r"[a-z_]+", code)}
ROWS = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE))
"""The defaults of members with a row of their own."""
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_is_accepted(block: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a secret", encoding="utf-8")
    (name,) = json.loads(block)
    parsed = parse_providers(re.sub(r'"/etc/[a-z/-]+"', json.dumps(str(file)), block))[name]
    assert not isinstance(parsed, OAuthClientSettings) or parsed.client_secret == "a secret"


def test_there_is_an_example_of_each_adapter() -> None:
    assert {json.loads(block).popitem()[1]["adapter"] for block in BLOCKS} == {"rest", "oidc", "oauth2"}


def test_the_message_that_the_page_shows_is_the_real_one() -> None:
    settings = json.loads(BLOCKS[0])
    del settings["theapi"]["login"]["body"]
    with pytest.raises(
        ValueError, match="/theapi/login/body is missing: write multipart, form, or json"
    ) as shown:
        parse_providers(json.dumps(settings))
    assert f"DOORWARD_UPSTREAMS_FILE {shown.value}" in PAGE


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the models within a type, and within their members."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for inner in typing.get_args(annotation):
        yield from models(inner)


@pytest.mark.parametrize("settings", [RestSettings, OidcSettings, OAuth2Settings])
def test_every_member_is_on_the_page(settings: type[ProviderSettings]) -> None:
    names = {field.alias or name for model in models(settings) for name, field in model.model_fields.items()}
    assert names - CODE == set()


@pytest.mark.parametrize("name", sorted(ProviderSettings.model_fields.keys() - {"groups", "roles"}))
def test_a_member_of_every_upstream_has_a_row_with_its_default(name: str) -> None:
    default = ProviderSettings.model_fields[name].default
    if isinstance(default, int | float) and not isinstance(default, bool):
        assert float(ROWS[name]) == default
    assert name in ROWS
