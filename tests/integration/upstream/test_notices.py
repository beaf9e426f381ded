"""The first event of a stream has the tokens that its later events are about, and no others."""

import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from doorward_auth.events.metrics import EventMetrics
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.events.stream import StreamRegistry
from doorward_auth.upstream.notices import GrantNotices
from doorward_identity.tables import upstream_grants
from integration.upstream.grant_setup import GrantSetup, Session
from integration.upstream.rotating_upstream import RotatingUpstream
from support.claims import claims_of

pytestmark = pytest.mark.databases("sqlite")


def state_of(grant_setup: GrantSetup, session: Session) -> Any:
    """Return the member `upstream` of the state that a stream of the session begins with."""
    caller = claims_of(session.user.id, session.id)
    metrics = EventMetrics(CollectorRegistry(), streams=lambda: 0)
    streams = StreamRegistry(metrics, max_streams=1, max_per_session=1, max_per_user=1)
    database = grant_setup.resources.database
    publisher = EventPublisher(database, streams, transaction_seconds=5)
    with grant_setup.engine.connect() as connection:
        return GrantNotices(database, publisher).read_state(connection, caller)["upstream"]


def change(grant_setup: GrantSetup, grant: uuid.UUID, **values: Any) -> None:
    with grant_setup.transaction() as connection:
        connection.execute(sa.update(upstream_grants).where(upstream_grants.c.id == grant).values(values))


def test_tokens_of_the_session_and_of_its_user_are_in_the_state(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    session = grant_setup.open_session()
    other = grant_setup.open_session(session.user)
    grant_setup.store(upstream.issue(), other)
    assert state_of(grant_setup, session) == {}, "events about another session do not come"
    of_user = grant_setup.store(upstream.issue(), user=session.user)
    row = grant_setup.row(of_user)
    assert state_of(grant_setup, session) == {
        "theapi": {"state": "active", "access_expires_at": row.access_expires_at}
    }
    own = grant_setup.store(upstream.issue(), session)
    change(grant_setup, own, state="reauth_required")
    assert state_of(grant_setup, session)["theapi"]["state"] == "reauth_required", "its own"
    change(grant_setup, own, state="uncertain", attempts=1)
    assert state_of(grant_setup, session)["theapi"]["state"] == "pending", "as GET /upstream says it"
    change(grant_setup, own, state="ended")
    assert state_of(grant_setup, session)["theapi"]["state"] == "active"


def test_tokens_of_other_users_are_not_in_the_state(
    grant_setup: GrantSetup, upstream: RotatingUpstream
) -> None:
    grant_setup.store(upstream.issue(), user=grant_setup.open_session().user)
    assert state_of(grant_setup, grant_setup.open_session()) == {}
