"""One-time codes of logins at upstreams' own pages."""

import hmac
from dataclasses import dataclass

from doorward_auth.opaque_tokens import OpaqueToken
from doorward_auth.pkce import is_proven
from doorward_auth.upstream.redirects.repository import RedeemableLogin
from doorward_auth.upstream_adapters.base import UpstreamLogin
from doorward_kit.unit_of_work import Work


class UpstreamLoginCode(OpaqueToken):
    """The one-time code. Its id is the row's."""

    prefix = "dwx_"


@dataclass(frozen=True, slots=True, repr=False)
class RedeemedLogin:
    """A login whose code is used up. `release` joins the transaction that stores or revokes its tokens."""

    login: UpstreamLogin
    release: Work[None]


def is_right(row: RedeemableLogin, name: str, code: UpstreamLoginCode, verifier: str) -> bool:
    """Tell whether a client may have a login: it knows the code and the verifier of its challenge."""
    return (
        row.provider == name
        and hmac.compare_digest(row.code_hash, code.hash())
        and is_proven(row.code_challenge, verifier)
    )
