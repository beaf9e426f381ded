"""Request and response bodies of registered clients."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from doorward_auth.oidc.clients.client import ClientKind, IdTokenAlgorithm, IdTokenClaims
from doorward_auth.oidc.clients.uris import check_redirect_uri, check_web_uri
from doorward_identity.group_names import GroupName
from doorward_identity.oauth_tables import (
    CLIENT_ID_LENGTH,
    CLIENT_NAME_LENGTH,
    MAX_URIS,
    URI_LENGTH,
)
from doorward_kit.omissible import Omissible, reject_null
from doorward_kit.origins import check_origin
from doorward_kit.routing import StrictModel
from doorward_kit.user_text import one_line

MAX_SCOPES: Final = 30
MAX_AUDIENCES: Final = 10
MAX_GROUPS: Final = 20


def _named(text: str) -> str:
    return one_line(text, what="name", max_length=CLIENT_NAME_LENGTH)


def _sentence(check: Callable[[str], str], *, what: str) -> AfterValidator:
    """Let a check of texts in settings say in a sentence what is wrong with a member of a body.

    The error's code is `what` and `_invalid`.
    """

    def checked(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            raise PydanticCustomError(
                f"{what}_invalid", "The value {mistake}.", {"mistake": str(error)}
            ) from None

    return AfterValidator(checked)


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("value_repeated", "A value comes twice.")
    return values


ClientId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=CLIENT_ID_LENGTH, examples=["grafana"])
]
ClientName = Annotated[
    str, Field(min_length=1, max_length=CLIENT_NAME_LENGTH, examples=["Grafana"]), AfterValidator(_named)
]
_Uri = Annotated[str, Field(min_length=1, max_length=URI_LENGTH)]
_RedirectUri = Annotated[_Uri, _sentence(check_redirect_uri, what="redirect_uri")]
_Origin = Annotated[_Uri, _sentence(check_origin, what="origin")]
_WebUri = Annotated[_Uri, _sentence(check_web_uri, what="backchannel_logout_uri")]
_Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$", max_length=100)]
_Audience = Annotated[str, Field(pattern=r"^[\x21\x24-\x7e]+$", max_length=URI_LENGTH)]

RedirectUris = Annotated[list[_RedirectUri], Field(max_length=MAX_URIS), AfterValidator(_unique)]
Origins = Annotated[list[_Origin], Field(max_length=MAX_URIS), AfterValidator(_unique)]
Scopes = Annotated[list[_Scope], Field(max_length=MAX_SCOPES), AfterValidator(_unique)]
Audiences = Annotated[list[_Audience], Field(max_length=MAX_AUDIENCES), AfterValidator(_unique)]
Groups = Annotated[list[GroupName], Field(max_length=MAX_GROUPS), AfterValidator(_unique)]


class ClientMetadata(StrictModel):
    """The members that can be set, and changed later."""

    name: ClientName
    redirect_uris: RedirectUris = Field(
        default=[], description="Where users are sent back to, compared as exact texts."
    )
    post_logout_redirect_uris: RedirectUris = Field(
        default=[], description="Where users are sent to after they signed out."
    )
    origins: Origins = Field(default=[], description="Origins of a public client's pages, for CORS.")
    scopes: Scopes = Field(
        default=["openid", "profile", "email"], description="The most that it may ask for."
    )
    audiences: Audiences = Field(
        default=[], description="Resources that it may get access tokens for: absolute URIs (RFC 8707)."
    )
    allowed_groups: Groups = Field(
        default=[], description="Only users of one of these groups may sign in. An empty list lets everyone."
    )
    first_party: bool = Field(
        default=False, description="An application of this installation: users are not asked for consent."
    )
    id_token_alg: IdTokenAlgorithm = Field(
        default=IdTokenAlgorithm.RS256,
        description="Every client verifies RS256; ES256 is shorter and faster.",
    )
    id_token_claims: IdTokenClaims = Field(
        default=IdTokenClaims.FULL, description="`full`: id tokens carry what `userinfo` answers."
    )
    require_pkce: bool = Field(
        default=True, description="Reject authorization requests without PKCE. Leave it on where you can."
    )
    backchannel_logout_uri: _WebUri | None = Field(
        default=None, description="Receives a logout token when a user's session ends."
    )


class ClientCreate(ClientMetadata):
    """A new client."""

    client_id: ClientId
    kind: ClientKind

    @model_validator(mode="before")
    @classmethod
    def _machine_defaults(cls, given: object) -> object:
        """Users do not sign in to a machine, so that it has no scopes about users by default."""
        if isinstance(given, dict) and given.get("kind") == ClientKind.MACHINE.value:
            return {"scopes": [], **given}
        return given


class ClientPatch(StrictModel):
    """Members to change; absent ones keep their value. A list replaces the whole list."""

    name: Omissible[ClientName] = None
    redirect_uris: Omissible[RedirectUris] = None
    post_logout_redirect_uris: Omissible[RedirectUris] = None
    origins: Omissible[Origins] = None
    scopes: Omissible[Scopes] = None
    audiences: Omissible[Audiences] = None
    allowed_groups: Omissible[Groups] = None
    first_party: Omissible[bool] = None
    id_token_alg: Omissible[IdTokenAlgorithm] = None
    id_token_claims: Omissible[IdTokenClaims] = None
    require_pkce: Omissible[bool] = None
    backchannel_logout_uri: _WebUri | None = Field(default=None, description="Null removes it.")
    disabled: Omissible[bool] = Field(
        default=None, description="True ends the client's sessions and tokens, and rejects it from now on."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: object, info: ValidationInfo) -> object:
        return value if info.field_name == "backchannel_logout_uri" else reject_null(value)


class ClientSecret(BaseModel):
    """A secret, of which only a hash is stored."""

    id: uuid.UUID
    created_at: datetime


class NewClientSecret(ClientSecret):
    """A new secret; this is the only time that it is shown."""

    client_secret: str = Field(examples=["dwc_..."])


class Client(BaseModel):
    """A registered client."""

    id: uuid.UUID
    client_id: str
    kind: ClientKind
    name: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    origins: list[str]
    scopes: list[str]
    audiences: list[str]
    allowed_groups: list[str]
    first_party: bool
    id_token_alg: IdTokenAlgorithm
    id_token_claims: IdTokenClaims
    require_pkce: bool
    backchannel_logout_uri: str | None
    disabled: bool
    managed_by: str | None = Field(description="The list that maintains it, such as the chart's values.")
    secrets: list[ClientSecret] = Field(description="At most two, so that one can replace the other.")
    created_at: datetime
    updated_at: datetime


class CreatedClient(Client):
    """A new client, with its secret unless it is public."""

    client_secret: str | None = Field(default=None, description="Shown this once.", examples=["dwc_..."])
