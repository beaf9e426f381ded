"""A session behaves as a real client: it refreshes tokens, retries, and remembers its device."""

from load.http_client import Request, Response
from load.user_session import LOGIN, LOGOUT, REFRESH
from unit.load.fake_transport import LIFETIME, FakeTransport, rejection, session_on, tokens

ME = "GET /api/v1/users/me"
OK = Response(200, body={})
EXPIRED = Response(401, body={"code": "invalid_token"})


def bearer(request: Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


def test_a_request_logs_in_and_the_token_is_reused() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), OK, OK])
    assert session.request(ME).ok
    assert session.request(ME).ok
    assert transport.routes() == [LOGIN, ME, ME]
    assert [bearer(request) for request in transport.sent[1:]] == ["access-1", "access-1"]


def test_an_early_client_refreshes_before_expiry_and_never_gets_a_401() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), OK, tokens(2), OK])
    session.log_in()
    transport.now += LIFETIME * 0.74
    session.request(ME)
    transport.now += LIFETIME * 0.22
    session.request(ME)
    assert transport.routes() == [LOGIN, ME, REFRESH, ME]
    assert transport.sent[2].body == {"refresh_token": "refresh-1"}
    assert bearer(transport.sent[3]) == "access-2"


def test_a_late_client_refreshes_after_a_401_and_repeats_the_request() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), EXPIRED, tokens(2), OK], early=False)
    session.log_in()
    transport.now += LIFETIME
    assert session.request(ME).ok
    assert transport.routes() == [LOGIN, ME, REFRESH, ME]
    assert transport.expired == [False, True, False, False], "an expected 401"
    assert bearer(transport.sent[3]) == "access-2"


def test_a_401_before_expiry_is_an_error_and_refreshed_nevertheless() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), EXPIRED, tokens(2), OK])
    session.log_in()
    assert session.request(ME).ok
    assert not any(transport.expired)


def test_the_token_may_expire_while_the_request_is_in_flight() -> None:
    transport = FakeTransport()

    def late(_: Request) -> Response:
        transport.now += 5
        return EXPIRED

    session = session_on(transport, [tokens(1)], early=False)
    session.log_in()
    transport.responses.extend([late, tokens(2), OK])
    transport.now += LIFETIME - 3
    assert session.request(ME).ok
    assert transport.expired[1]


def test_the_lifetime_starts_with_the_request() -> None:
    transport = FakeTransport()

    def slow(_: Request) -> Response:
        transport.now += 20
        return tokens(1)

    session = session_on(transport, [], early=False)
    transport.responses.extend([slow, OK])
    session.log_in()
    transport.now += LIFETIME - 20
    session.request(ME)
    assert transport.expired[1]


def test_a_refresh_without_response_is_repeated_with_the_same_token() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), Response(0), tokens(2), OK])
    session.log_in()
    transport.now += LIFETIME
    assert session.request(ME).ok
    assert [request.body for request in transport.sent[1:3]] == [{"refresh_token": "refresh-1"}] * 2


def test_an_ended_session_leads_to_a_new_login() -> None:
    transport = FakeTransport()
    gone = Response(401, body={"code": "invalid_refresh_token"})
    session = session_on(transport, [tokens(1), gone, tokens(2), OK])
    session.log_in()
    transport.now += LIFETIME
    assert session.request(ME).ok
    assert transport.routes() == [LOGIN, REFRESH, LOGIN, ME]


def test_a_temporary_refresh_failure_keeps_the_session() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), Response(503), OK, tokens(2), OK])
    session.log_in()
    transport.now += LIFETIME
    assert session.request(ME).ok
    assert session.request(ME).ok
    assert transport.routes() == [LOGIN, REFRESH, ME, REFRESH, ME]


def test_a_rejected_login_is_retried_after_retry_after() -> None:
    transport = FakeTransport()
    responses = [rejection(503, "overloaded", 3), rejection(429, "too_many_attempts", 900), tokens(1)]
    assert session_on(transport, responses).log_in().ok
    assert transport.routes() == [LOGIN] * 3
    first, second = transport.slept
    assert 3 <= first <= 5.5
    assert 60 <= second <= 91, "the wait is capped at a minute"


def test_login_retries_are_limited_and_the_request_is_not_sent() -> None:
    transport = FakeTransport()
    session = session_on(transport, [rejection(503, "overloaded")] * 11)
    assert session.request(ME).code == "overloaded"
    assert transport.routes() == [LOGIN] * 11


def test_an_outage_is_not_a_rejection() -> None:
    transport = FakeTransport()
    assert not rejection(503, "unavailable", 5).is_rejection, "HAProxy sends this when no node is available"
    assert not rejection(503, "overloaded", None).is_rejection
    assert not rejection(500, "internal_error").is_rejection
    assert session_on(transport, [rejection(503, "unavailable", 5)]).log_in().status == 503
    assert (transport.routes(), transport.slept) == ([LOGIN], [])


def test_only_logins_may_be_rejected() -> None:
    transport = FakeTransport()
    session_on(transport, [tokens(1), OK]).request(ME)
    assert [request.may_be_rejected for request in transport.sent] == [True, False]


def test_the_device_token_is_kept_across_sessions() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1, device_token="device"), Response(204), tokens(2), OK])
    session.log_in()
    session.log_out()
    assert not session.has_tokens
    session.log_in()
    assert transport.routes() == [LOGIN, LOGOUT, LOGIN]
    assert transport.sent[0].body is not None
    assert "device_token" not in transport.sent[0].body
    assert transport.sent[2].body is not None
    assert transport.sent[2].body["device_token"] == "device"


def test_a_wrong_password_expects_a_401() -> None:
    transport = FakeTransport()
    session = session_on(transport, [Response(401, body={"code": "invalid_credentials"})])
    assert session.log_in_with_wrong_password().status == 401
    [request] = transport.sent
    assert request.body is not None
    assert request.body["password"] != session.account.password
    assert request.expected == {401}
    assert not session.has_tokens


def test_path_params_and_query_are_encoded() -> None:
    transport = FakeTransport()
    session = session_on(transport, [tokens(1), OK])
    session.request(
        "GET /api/v1/users/{user_id}", path_params={"user_id": "a/b"}, query={"q": "a&b", "limit": "5"}
    )
    assert transport.sent[1].path == "/api/v1/users/a%2Fb?q=a%26b&limit=5"
    assert (transport.sent[1].method, transport.sent[1].template) == ("GET", "/api/v1/users/{user_id}")


def test_logout_without_a_session_sends_nothing() -> None:
    transport = FakeTransport()
    session_on(transport, []).log_out()
    assert transport.sent == []
