"""The settings that docs/upstream.md shows are accepted as they stand."""

import json
import re
from pathlib import Path

import pytest

from doorward_auth.upstream_adapters.settings.provider import OAuthClientSettings
from doorward_auth.upstream_adapters.settings.upstreams import parse_providers

PAGE = (Path(__file__).parents[4] / "docs" / "upstream.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_is_accepted(block: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a secret", encoding="utf-8")
    (name,) = json.loads(block)
    parsed = parse_providers(re.sub(r'"/etc/[a-z/-]+"', json.dumps(str(file)), block))[name]
    assert not isinstance(parsed, OAuthClientSettings) or parsed.client_secret == "a secret"


def test_there_is_an_example_of_each_adapter() -> None:
    assert [json.loads(block).popitem()[1]["adapter"] for block in BLOCKS] == ["rest", "oidc", "oauth2"]


def test_the_message_that_the_page_shows_is_the_real_one() -> None:
    settings = json.loads(BLOCKS[0])
    del settings["theapi"]["login"]["body"]
    with pytest.raises(
        ValueError, match="/theapi/login/body is missing: write multipart, form, or json"
    ) as shown:
        parse_providers(json.dumps(settings))
    assert f"DOORWARD_UPSTREAMS_FILE {shown.value}" in PAGE
