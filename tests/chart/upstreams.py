"""Values of upstreams that the chart accepts, and those that it rejects with a message."""

from typing import Final

from chart.render import Case, render
from chart.tools import ToolError
from doorward_auth.upstream_adapters.settings.upstreams import RESERVED_NAMES

_PEER: Final = "egressTo[0].ipBlock.cidr=192.0.2.0/24"
_PEERS: Final = f"upstreams[0].{_PEER}"
_NAME: Final = "upstreams[0].name=theapi,upstreams[0].adapter=rest"
_URL: Final = "upstreams[0].config.base_url=https://api.example.com"
_REST: Final = f"{_NAME},{_PEERS},{_URL}"
_CLIENT: Final = "upstreams[0].config.client_id=doorward"
_OIDC: Final = (
    f"upstreams[0].name=sso,upstreams[0].adapter=oidc,{_PEERS}"
    ",upstreams[0].config.issuer=https://sso.example.com"
)
_SECRET: Final = "upstreams[0].existingSecret=upstream"
_PUBLIC: Final = "upstreams[0].config.token_auth_method=none"
_FILE: Final = "upstreamsFile.existingSecret=mine"
_AGAIN: Final = (
    f"upstreams[1].name=theapi,upstreams[1].adapter=rest,upstreams[1].{_PEER}"
    ",upstreams[1].config.base_url=https://other.example.com"
)
_ENV: Final = "auth.extraEnv[0].value=x,auth.extraEnv[0].name="

_ACCEPTED: Final = (
    _REST,
    f"{_REST},{_SECRET},upstreams[0].config.api_key_header=X-Key",
    f"{_REST},{_AGAIN.replace('theapi', 'other')}",
    f"{_OIDC},{_CLIENT},{_SECRET}",
    f"{_OIDC},{_CLIENT},{_PUBLIC}",
    f"{_OIDC},{_CLIENT},upstreams[0].config.client_secret_env=SSO",
    f"{_FILE},upstreamsFile.{_PEER}",
    f"{_FILE},networkPolicy.enabled=false",
    f"{_NAME},{_URL},networkPolicy.enabled=false",
)
_REJECTED: Final = {
    f"{_REST},{_FILE},upstreamsFile.{_PEER}": "set one of them",
    _FILE: "upstreamsFile requires egressTo",
    f"{_NAME},{_URL}": "theapi requires egressTo",
    f"{_NAME},{_PEERS},upstreams[0].config.timeout_seconds=5": "theapi requires config.base_url",
    f"{_NAME},{_PEERS}": "missing property 'config'",
    f"{_REST},upstreams[0].name=TheApi": "does not match pattern",
    f"{_REST},upstreams[0].name={'a' * 33}": "does not match pattern",
    **{f"{_REST},upstreams[0].name={name}": f"{name} is reserved" for name in RESERVED_NAMES},
    f"{_REST},{_AGAIN}": "theapi is there twice",
    f"{_REST},upstreams[0].adapter=saml": "value must be one of",
    f"{_REST},upstreams[0].config.base_url=api.example.com": "does not match pattern",
    f"{_REST},upstreams[0].config.picture_hosts[0]=https://cdn.example.com": "does not match pattern",
    f"{_REST},upstreams[0].config.adapter=rest": "config.adapter is already set",
    f"{_REST},upstreams[0].caSecret=ca,upstreams[0].config.ca_file=/ca": "already set by caSecret",
    f"{_REST},{_SECRET}": "requires config.api_key_header",
    f"{_REST},{_SECRET},upstreams[0].config.api_key_env=KEY": "already set by existingSecret",
    f"{_OIDC},{_CLIENT}": "sso requires existingSecret",
    f"{_OIDC},{_SECRET}": "sso requires config.client_id",
    f"{_OIDC},{_CLIENT},{_SECRET},{_PUBLIC}": "or for a public client",
    f"{_REST},upstreams[0].secret=mine": "additional properties 'secret' not allowed",
    f"{_REST},{_ENV}DOORWARD_VAULT_KEYS_FILE": "DOORWARD_VAULT_KEYS_FILE is already set",
    f"{_REST},{_ENV}DOORWARD_UPSTREAMS": "set upstreams or upstreamsFile",
    f"{_ENV}DOORWARD_VAULT_KEYS_FILE": "set upstreams or upstreamsFile",
    f"{_ENV}DOORWARD_UPSTREAMS": "set upstreams or upstreamsFile",
}


def wrong_answers(defaults: Case) -> list[str]:
    """Return what the chart accepts or rejects wrongly, or for another reason."""
    rejected = {values: _rejection(defaults, values) for values in _ACCEPTED}
    wrong = [f"rejected: {values}: {message}" for values, message in rejected.items() if message]
    answers = {values: _rejection(defaults, values) for values in _REJECTED}
    return wrong + [
        f"{values}: expected `{expected}`: {answers[values] or 'accepted'}"
        for values, expected in _REJECTED.items()
        if expected not in answers[values]
    ]


def _rejection(defaults: Case, values: str) -> str:
    try:
        render(defaults, "--set", values)
    except ToolError as error:
        return " ".join(str(error).split())
    return ""
