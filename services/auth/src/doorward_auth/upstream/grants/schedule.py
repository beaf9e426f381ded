"""When a grant is refreshed next, and when it is over. All times derive from the database's clock."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from doorward_auth.upstream.grants.gate import MAX_CONCURRENT, ProviderGate
from doorward_auth.upstream.grants.models import GrantRow, GrantTimes
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_kit.retries import jittered

DEFAULT_LIFETIME: Final = timedelta(minutes=5)
"""Lifetime of an access token if the upstream does not say."""

LONGEST_LIFETIME: Final = timedelta(days=3_660)
"""An upstream's number may be any; dates end in the year 9999."""

LONGEST_BACKOFF_SECONDS: Final = 900.0
_FIRST_BACKOFF_SECONDS: Final = 5.0
_MOST_DOUBLINGS: Final = 20

_SHORTEST_LEAD: Final = timedelta(seconds=60)
_LEAD: Final = 0.2
_LONGEST_LEAD: Final = 0.5
"""Part of the lifetime. Otherwise a token of half a minute would be due before it is issued."""

_SHORTEST_WAIT_SECONDS: Final = 10.0
"""A token of a second would be refreshed twice a second for ever. Callers get a fresh one on demand."""

_JITTER: Final = 0.1
_LONGEST_JITTER: Final = timedelta(minutes=5)

_NOTICE: Final = timedelta(days=1)
_LONGEST_NOTICE: Final = 0.1
"""Part of the refresh token's lifetime: a session of eight hours ends 48 minutes early, and not at once."""

_EXTENDED: Final = timedelta(seconds=60)
"""A refresh token that expires this much later than its predecessor has an expiry that moves on."""

# A generator of its own: an application that seeds the shared one would give every replica the same times.
_random: Final = random.Random()  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshPolicy:
    """How the grants of a provider are refreshed. Times are in seconds.

    `idle_seconds`: the background leaves a grant alone whose session was not used for this long. A later
    request refreshes it. `keep_alive_seconds`: longest time between two refreshes, for providers that expire
    unused refresh tokens. `deadline_seconds`: for a whole request. `concurrency`: requests at once of a
    process's background. `requests_per_second` and `max_concurrent`: of a process's refreshes, and as many of
    its callers.
    """

    idle_seconds: float = 7 * 86_400.0
    keep_alive_seconds: float | None = None
    deadline_seconds: float = 10.0
    concurrency: int = 4
    requests_per_second: float = 50.0
    max_concurrent: int = MAX_CONCURRENT

    @property
    def lease_seconds(self) -> float:
        """The request, and as long again twice over to store its result."""
        return 3 * self.deadline_seconds

    def new_gate(self) -> ProviderGate:
        """Return a gate for one kind of requests."""
        return ProviderGate(self.requests_per_second, max_concurrent=self.max_concurrent)


def plan(
    now: datetime, tokens: UpstreamTokens, policy: RefreshPolicy, *, previous: GrantRow | None = None
) -> GrantTimes:
    """Return the times of what an upstream has issued. `now` is from before the request.

    `previous` is the grant before a refresh. Its refresh token goes on where the answer has none.
    """
    has_refresh_token = tokens.refresh_token is not None or (
        previous is not None and previous.refresh_token is not None
    )
    lifetime = _bounded(tokens.expires_in)
    if lifetime is None and has_refresh_token:
        lifetime = DEFAULT_LIFETIME
    access_expires_at = None if lifetime is None else now + lifetime
    if not has_refresh_token:
        return GrantTimes(access_expires_at, None, access_expires_at, access_expires_at)
    assert lifetime is not None
    refresh_expires_at = _refresh_expiry(now, tokens, previous)
    reauth_at = _reauth_time(refresh_expires_at, previous, began_at=previous.created_at if previous else now)
    due_at = min(_due_time(now, lifetime, policy), reauth_at or datetime.max.replace(tzinfo=now.tzinfo))
    return GrantTimes(access_expires_at, refresh_expires_at, reauth_at, due_at)


def plan_without_access(now: datetime, tokens: UpstreamTokens, previous: GrantRow) -> GrantTimes:
    """Return the times after a refresh that brought a refresh token alone; `due_at` is not set."""
    refresh_expires_at = _refresh_expiry(now, tokens, previous)
    reauth_at = _reauth_time(refresh_expires_at, previous, began_at=previous.created_at)
    return GrantTimes(previous.access_expires_at, refresh_expires_at, reauth_at, None)


def is_fresh(row: GrantRow, min_validity: float) -> bool:
    """Whether the access token is valid for `min_validity` seconds more, or for half of its lifetime."""
    if row.access_expires_at is None:
        return True
    lifetime = (row.access_expires_at - row.last_refreshed_at).total_seconds()
    needed = min(min_validity, lifetime * _LONGEST_LEAD)
    return (row.access_expires_at - row.now).total_seconds() > needed


def backoff_seconds(attempts: int) -> float:
    """Return the pause after a number of attempts in a row: 5 s, doubled each time, at most 15 minutes."""
    doubled = _FIRST_BACKOFF_SECONDS * 2.0 ** min(max(attempts - 1, 0), _MOST_DOUBLINGS)
    return jittered(min(doubled, LONGEST_BACKOFF_SECONDS))


def idle_until(row: GrantRow, policy: RefreshPolicy) -> datetime | None:
    """Return until when the background skips a grant, because its session is idle; else None."""
    used_at = row.session_last_used_at
    if used_at is None or row.now - used_at < timedelta(seconds=policy.idle_seconds):
        return None
    return row.session_idle_expires_at


def _bounded(seconds: float | None) -> timedelta | None:
    """Return a lifetime; None for one that says nothing. Zero means "does not expire" to some upstreams."""
    if seconds is None or seconds <= 0:
        return None
    return min(timedelta(seconds=min(seconds, LONGEST_LIFETIME.total_seconds())), LONGEST_LIFETIME)


def _refresh_expiry(now: datetime, tokens: UpstreamTokens, previous: GrantRow | None) -> datetime | None:
    lifetime = _bounded(tokens.refresh_expires_in)
    if lifetime is not None:
        return now + lifetime
    is_same_token = tokens.refresh_token is None and previous is not None
    return previous.refresh_expires_at if is_same_token and previous is not None else None


def _reauth_time(
    expires_at: datetime | None, previous: GrantRow | None, *, began_at: datetime
) -> datetime | None:
    """Return when to give up: a day before a fixed expiry, so that the user hears of it in time.

    An expiry that moves on with each refresh is none to warn of.
    """
    if expires_at is None:
        return None
    before = None if previous is None else previous.refresh_expires_at
    if before is not None and expires_at > before + _EXTENDED:
        return expires_at
    return expires_at - min(_NOTICE, (expires_at - began_at) * _LONGEST_NOTICE)


def _due_time(now: datetime, lifetime: timedelta, policy: RefreshPolicy) -> datetime:
    """Return the time of the next refresh; spread out, because many users log in at the same time."""
    lead = min(max(_SHORTEST_LEAD, lifetime * _LEAD), lifetime * _LONGEST_LEAD)
    jitter = min(lifetime * _JITTER, _LONGEST_JITTER) * _random.random()
    wait = max(lifetime - lead - jitter, timedelta(seconds=jittered(_SHORTEST_WAIT_SECONDS, 0.8)))
    if policy.keep_alive_seconds is not None:
        wait = min(wait, timedelta(seconds=jittered(policy.keep_alive_seconds, 0.9)))
    return now + wait
