"""The name of an upstream in mails."""

import json
import uuid
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy as sa

from doorward_auth.account_mail.template_context import MailTemplateContext
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.settings import AuthSettings
from doorward_client.keys.key_store import KeyStore
from doorward_kit.metrics import Metrics
from doorward_mail.outbox.leases import LeasedMail
from unit.auth.upstream.adapters import REST

KEY = "unit-tests-only-0123456789abcdefghijklmnop"
API = {**REST, "base_url": "https://identity.example.com"}


@pytest.mark.parametrize(
    ("provider", "title"),
    [("hub", "GitHub"), ("git-server", "Git Server"), ("removed", "removed"), ("<b>", None)],
)
def test_mails_name_an_upstream_as_the_pages_do(provider: str, title: str | None) -> None:
    settings = AuthSettings.model_validate(
        {
            "database_url": "sqlite://",
            "secret_key": KEY,
            "upstreams": json.dumps({"hub": {**API, "title": "GitHub"}, "git-server": API}),
        }
    )
    keys = KeyStore.of_secret(KEY)
    context = MailTemplateContext(
        keys,
        CodeGuesses(AuthRateLimiter(Metrics()), keys),
        frontend_url=None,
        upstream_titles=settings.upstream_titles,
    )
    ids = uuid.uuid4(), uuid.uuid4()
    parameters = {"provider": provider}
    mail = LeasedMail(*ids, "upstream_linked", "ada@example.com", "", parameters, 1, 0.0, is_expired=False)
    connection = cast(sa.Connection, SimpleNamespace())  # this mail has no code
    variables = context.about_upstream(connection, mail)
    assert (variables and variables["provider"]) == title
