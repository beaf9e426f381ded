"""Which page or answer follows: every prompt, with every age, session, consent and choice."""

import itertools
import uuid
from dataclasses import replace

import pytest

from doorward_auth.oidc.authorization.decision import Decision, InteractionPage, SignedIn, Success, decide
from doorward_auth.oidc.authorization.errors import AuthorizationError as Error
from doorward_auth.oidc.authorization.errors import ErrorResponse
from doorward_auth.oidc.authorization.interaction import UserChoice
from doorward_auth.oidc.authorization.request import AuthorizationRequest, Prompt

USER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
SIGNED_IN = SignedIn(
    user_id=USER, age=100.0, has_proven=False, has_signed_in=False, is_allowed=True, has_consented=True
)
NOTHING: frozenset[UserChoice] = frozenset()

PROMPTS = [
    frozenset(chosen)
    for count in range(4)
    for chosen in itertools.combinations((Prompt.LOGIN, Prompt.CONSENT, Prompt.SELECT_ACCOUNT), count)
]
SILENT = frozenset({Prompt.NONE})


def request(prompts: frozenset[Prompt] = frozenset(), max_age: int | None = None) -> AuthorizationRequest:
    return AuthorizationRequest(
        redirect_uri="https://app.example.com/cb",
        state=None,
        scopes=("openid",),
        resource=None,
        nonce=None,
        code_challenge=None,
        prompts=prompts,
        max_age=max_age,
        id_token_hint=None,
    )


def answer(
    asked: AuthorizationRequest,
    session: SignedIn | None = SIGNED_IN,
    choices: frozenset[UserChoice] = NOTHING,
    hint: uuid.UUID | None = None,
) -> Decision | Error:
    decision = decide(asked, session, choices, hint)
    return decision.error if isinstance(decision, ErrorResponse) else decision


def test_a_user_who_is_signed_in_and_has_consented_gets_a_code() -> None:
    assert answer(request()) is Success.CODE
    assert answer(request(SILENT)) is Success.CODE


@pytest.mark.parametrize("prompts", PROMPTS)
@pytest.mark.parametrize("max_age", [None, 0, 10_000])
def test_without_a_session_the_user_signs_in(prompts: frozenset[Prompt], max_age: int | None) -> None:
    assert answer(request(prompts, max_age), None) is InteractionPage.LOGIN
    assert answer(request(SILENT, max_age), None) is Error.LOGIN_REQUIRED


@pytest.mark.parametrize(
    ("max_age", "age", "is_fresh"),
    [
        (None, 1e9, True),
        (100, 100.0, True),
        (99, 100.0, False),
        (1, 1.5, False),
        (0, 0.0, False),
        (1, 0.9, True),
    ],
)
def test_max_age_asks_for_a_proof_that_is_not_older(
    max_age: int | None, age: float, *, is_fresh: bool
) -> None:
    session = replace(SIGNED_IN, age=age)
    assert answer(request(max_age=max_age), session) is (Success.CODE if is_fresh else InteractionPage.LOGIN)
    silent = answer(request(SILENT, max_age), session)
    assert silent is (Success.CODE if is_fresh else Error.LOGIN_REQUIRED)


CHOICES = [
    frozenset(some)
    for n in range(3)
    for some in itertools.combinations((UserChoice.ACCOUNT_CONFIRMED, UserChoice.CONSENT_GIVEN), n)
]


def expected(
    prompts: frozenset[Prompt],
    max_age: int | None,
    choices: frozenset[UserChoice],
    hint: uuid.UUID | None,
    session: SignedIn,
) -> Decision | Error:
    """Name the last page first: each earlier one replaces it."""
    if session.has_signed_in and hint == OTHER:
        return Error.LOGIN_REQUIRED
    page: Decision | Error = Success.CODE
    if not session.has_consented or (Prompt.CONSENT in prompts and UserChoice.CONSENT_GIVEN not in choices):
        page = InteractionPage.CONSENT
    if session.has_signed_in:
        return page
    if Prompt.SELECT_ACCOUNT in prompts and UserChoice.ACCOUNT_CONFIRMED not in choices:
        page = InteractionPage.CHOOSE_ACCOUNT
    if Prompt.LOGIN in prompts or max_age in (0, 50) or hint == OTHER:
        page = InteractionPage.LOGIN
    return page


def test_the_pages_come_in_their_order_and_each_once() -> None:
    sessions = [
        replace(SIGNED_IN, has_proven=has_signed_in, has_signed_in=has_signed_in, has_consented=has_consented)
        for has_signed_in, has_consented in itertools.product((True, False), repeat=2)
    ]
    cases = list(itertools.product(PROMPTS, (None, 0, 50, 10_000), CHOICES, (None, USER, OTHER), sessions))
    assert len(cases) > 1_000
    wrong = [
        (prompts, max_age, choices, hint, session)
        for prompts, max_age, choices, hint, session in cases
        if answer(request(prompts, max_age), session, choices, hint)
        is not expected(prompts, max_age, choices, hint, session)
    ]
    assert wrong == []


def test_a_stored_consent_is_needed_even_behind_the_page() -> None:
    session = replace(SIGNED_IN, has_consented=False)
    assert answer(request(), session, frozenset({UserChoice.CONSENT_GIVEN})) is InteractionPage.CONSENT
    assert answer(request(SILENT), session) is Error.CONSENT_REQUIRED


def test_a_denied_consent_is_reported_to_the_client() -> None:
    for session in (None, SIGNED_IN, replace(SIGNED_IN, has_consented=False)):
        assert answer(request(), session, frozenset({UserChoice.CONSENT_DENIED})) is Error.ACCESS_DENIED


def test_a_client_for_other_groups_is_not_for_this_user() -> None:
    session = replace(SIGNED_IN, is_allowed=False, has_consented=False)
    assert answer(request(), session) is InteractionPage.NOT_ALLOWED
    assert answer(request(SILENT), session) is Error.ACCESS_DENIED
    assert answer(request(frozenset({Prompt.LOGIN})), session) is InteractionPage.LOGIN


def test_the_hint_of_another_user_asks_for_a_sign_in() -> None:
    assert answer(request(), hint=OTHER) is InteractionPage.LOGIN
    assert answer(request(SILENT), hint=OTHER) is Error.LOGIN_REQUIRED
    assert answer(request(SILENT), hint=USER) is Success.CODE
    # A sign-in in between does not make prompt=none lie about who is there.
    assert (
        answer(request(SILENT), replace(SIGNED_IN, has_proven=True, has_signed_in=True), hint=OTHER)
        is Error.LOGIN_REQUIRED
    )


@pytest.mark.parametrize("prompts", PROMPTS)
def test_a_client_never_gets_a_code_of_another_user_than_it_hints_at(prompts: frozenset[Prompt]) -> None:
    signed_in = replace(SIGNED_IN, has_proven=True, has_signed_in=True)
    choices = frozenset({UserChoice.ACCOUNT_CONFIRMED, UserChoice.CONSENT_GIVEN})
    assert answer(request(prompts), signed_in, choices, hint=OTHER) is Error.LOGIN_REQUIRED
    assert answer(request(prompts), signed_in, choices, hint=USER) is Success.CODE


def test_a_sign_in_with_an_older_proof_of_an_upstream_is_one() -> None:
    """It ends the questions who the user is, and not those for a new proof."""
    signed_in = replace(SIGNED_IN, has_signed_in=True)
    assert answer(request(), signed_in, hint=OTHER) is Error.LOGIN_REQUIRED
    assert answer(request(frozenset({Prompt.SELECT_ACCOUNT})), signed_in) is Success.CODE
    assert answer(request(frozenset({Prompt.LOGIN})), signed_in) is InteractionPage.LOGIN
    assert answer(request(max_age=50), signed_in) is InteractionPage.LOGIN
