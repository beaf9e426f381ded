"""Registered clients for tests that need no database."""

import uuid
from datetime import UTC, datetime
from typing import Any

from doorward_auth.oidc.clients.client import ClientKind, IdTokenAlgorithm, IdTokenClaims, RegisteredClient

NOW = datetime(2027, 1, 1, tzinfo=UTC)


def client(kind: ClientKind = ClientKind.CONFIDENTIAL, **changed: Any) -> RegisteredClient:
    values: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "client_id": "grafana",
        "name": "Grafana",
        "kind": kind,
        "first_party": False,
        "scopes": ("openid", "profile", "email"),
        "audiences": (),
        "allowed_groups": (),
        "id_token_alg": IdTokenAlgorithm.RS256,
        "id_token_claims": IdTokenClaims.FULL,
        "require_pkce": True,
        "redirect_uris": ("https://grafana.example.com/login/generic_oauth",),
        "post_logout_redirect_uris": (),
        "origins": (),
        "backchannel_logout_uri": None,
        "managed_by": None,
        "token_version": 0,
        "version": 1,
        "disabled_at": None,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RegisteredClient(**values | changed)
