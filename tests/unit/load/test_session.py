"""A session does what a real client does: it renews its token, is patient, and knows its device."""

from load.session import LOGIN, LOGOUT, REFRESH
from load.wire import Answer, Request
from unit.load.wires import LIFETIME, Wire, refusal, session_on, tokens

ME = "GET /api/v1/users/me"
OK = Answer(200, body={})
EXPIRED = Answer(401, body={"code": "invalid_token"})


def bearer(request: Request) -> str:
    return request.headers["Authorization"].removeprefix("Bearer ")


def test_it_signs_in_by_itself_and_keeps_the_token() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), OK, OK])
    assert session.request(ME).ok
    assert session.request(ME).ok
    assert wire.routes() == [LOGIN, ME, ME]
    assert [bearer(request) for request in wire.sent[1:]] == ["access-1", "access-1"]


def test_an_early_client_renews_before_the_end_and_never_sees_a_401() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), OK, tokens(2), OK])
    session.sign_in()
    wire.now += LIFETIME * 0.74
    session.request(ME)
    wire.now += LIFETIME * 0.22
    session.request(ME)
    assert wire.routes() == [LOGIN, ME, REFRESH, ME]
    assert wire.sent[2].body == {"refresh_token": "refresh-1"}
    assert bearer(wire.sent[3]) == "access-2"


def test_a_late_client_renews_on_401_and_sends_the_request_again() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), EXPIRED, tokens(2), OK], early=False)
    session.sign_in()
    wire.now += LIFETIME
    assert session.request(ME).ok
    assert wire.routes() == [LOGIN, ME, REFRESH, ME]
    assert wire.over == [False, True, False, False], "so that this 401 is no error"
    assert bearer(wire.sent[3]) == "access-2"


def test_a_401_before_the_end_is_an_error_and_renewed_all_the_same() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), EXPIRED, tokens(2), OK])
    session.sign_in()
    assert session.request(ME).ok
    assert not any(wire.over)


def test_the_token_may_run_out_while_the_request_is_on_its_way() -> None:
    wire = Wire()

    def late(_: Request) -> Answer:
        wire.now += 5
        return EXPIRED

    session = session_on(wire, [tokens(1)], early=False)
    session.sign_in()
    wire.answers.extend([late, tokens(2), OK])
    wire.now += LIFETIME - 3
    assert session.request(ME).ok
    assert wire.over[1]


def test_the_lifetime_is_counted_from_the_question() -> None:
    wire = Wire()

    def slow(_: Request) -> Answer:
        wire.now += 20
        return tokens(1)

    session = session_on(wire, [], early=False)
    wire.answers.extend([slow, OK])
    session.sign_in()
    wire.now += LIFETIME - 20
    session.request(ME)
    assert wire.over[1]


def test_a_refresh_whose_answer_was_lost_is_asked_again_with_the_same_token() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), Answer(0), tokens(2), OK])
    session.sign_in()
    wire.now += LIFETIME
    assert session.request(ME).ok
    assert [request.body for request in wire.sent[1:3]] == [{"refresh_token": "refresh-1"}] * 2


def test_a_session_that_is_over_is_a_reason_to_sign_in_anew() -> None:
    wire = Wire()
    gone = Answer(401, body={"code": "invalid_refresh_token"})
    session = session_on(wire, [tokens(1), gone, tokens(2), OK])
    session.sign_in()
    wire.now += LIFETIME
    assert session.request(ME).ok
    assert wire.routes() == [LOGIN, REFRESH, LOGIN, ME]


def test_a_refresh_that_fails_for_now_keeps_the_session() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), Answer(503), OK, tokens(2), OK])
    session.sign_in()
    wire.now += LIFETIME
    assert session.request(ME).ok
    assert session.request(ME).ok
    assert wire.routes() == [LOGIN, REFRESH, ME, REFRESH, ME]


def test_it_comes_back_when_it_is_told_to() -> None:
    wire = Wire()
    answers = [refusal(503, "overloaded", 3), refusal(429, "too_many_attempts", 900), tokens(1)]
    assert session_on(wire, answers).sign_in().ok
    assert wire.routes() == [LOGIN] * 3
    first, second = wire.slept
    assert 3 <= first <= 5.5
    assert 60 <= second <= 91, "nobody waits for a quarter of an hour in front of a screen"


def test_it_gives_up_after_a_while_and_does_not_send_the_request() -> None:
    wire = Wire()
    session = session_on(wire, [refusal(503, "overloaded")] * 11)
    assert session.request(ME).code == "overloaded"
    assert wire.routes() == [LOGIN] * 11


def test_an_outage_is_no_refusal() -> None:
    wire = Wire()
    assert not refusal(503, "unavailable", 5).is_refusal, "HAProxy says so when no node is there"
    assert not refusal(503, "overloaded", None).is_refusal
    assert not refusal(500, "internal_error").is_refusal
    assert session_on(wire, [refusal(503, "unavailable", 5)]).sign_in().status == 503
    assert (wire.routes(), wire.slept) == ([LOGIN], [])


def test_logins_alone_may_be_refused() -> None:
    wire = Wire()
    session_on(wire, [tokens(1), OK]).request(ME)
    assert [request.refusable for request in wire.sent] == [True, False]


def test_the_device_is_remembered_across_sessions() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1, device_token="device"), Answer(204), tokens(2), OK])
    session.sign_in()
    session.sign_out()
    assert not session.is_signed_in
    session.sign_in()
    assert wire.routes() == [LOGIN, LOGOUT, LOGIN]
    assert wire.sent[0].body is not None
    assert "device_token" not in wire.sent[0].body
    assert wire.sent[2].body is not None
    assert wire.sent[2].body["device_token"] == "device"


def test_a_mistyped_password_is_a_wrong_one_and_its_401_is_meant() -> None:
    wire = Wire()
    session = session_on(wire, [Answer(401, body={"code": "invalid_credentials"})])
    assert session.mistype().status == 401
    [request] = wire.sent
    assert request.body is not None
    assert request.body["password"] != session.person.password
    assert request.expected == {401}
    assert not session.is_signed_in


def test_paths_are_made_from_templates() -> None:
    wire = Wire()
    session = session_on(wire, [tokens(1), OK])
    session.request("GET /api/v1/users/{user_id}", at={"user_id": "a/b"}, query={"q": "a&b", "limit": "5"})
    assert wire.sent[1].path == "/api/v1/users/a%2Fb?q=a%26b&limit=5"
    assert (wire.sent[1].method, wire.sent[1].template) == ("GET", "/api/v1/users/{user_id}")


def test_who_is_not_signed_in_has_nothing_to_sign_out_of() -> None:
    wire = Wire()
    session_on(wire, []).sign_out()
    assert wire.sent == []
