"""The limits on guessing and registering at upstreams through us."""

from typing import Final

from doorward_auth.rate_limiting.limits import HOUR, MINUTE
from doorward_kit.rate_limiting.limits import FixedWindow

UPSTREAM_REGISTRATIONS: Final = FixedWindow("upstream-registrations", 20, HOUR)
"""Requests to register at upstreams from one address: each may create an account there."""

UPSTREAM_AUTHORIZATIONS: Final = FixedWindow("upstream-authorizations", 300, 10 * MINUTE)
"""Logins at upstreams' own pages that are begun from one address.

Each is a row for ten minutes, so a longer window would bound the table no better, and shut an office out for
longer.
"""
