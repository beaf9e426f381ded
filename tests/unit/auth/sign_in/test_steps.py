"""What a sign-in needs next, for every state of an account and every set of proofs."""

import itertools
from typing import Final

import pytest

from doorward_auth.sign_in.steps import (
    AccountState,
    Acr,
    Authenticated,
    DenialReason,
    Denied,
    NextStep,
    Proof,
    Step,
    StepRequired,
    dump_proofs,
    load_proofs,
    next_step,
)

NOTHING: Final[frozenset[Proof]] = frozenset()
PASSWORD: Final = frozenset({Proof.PASSWORD})
FEDERATED: Final = frozenset({Proof.FEDERATED})
DISABLED: Final = Denied(DenialReason.ACCOUNT_DISABLED)
UNVERIFIED: Final = StepRequired(Step.EMAIL_CODE)

TABLE: Final[dict[tuple[bool, bool, bool, frozenset[Proof]], NextStep]] = {
    # is_active, is_verified, must_change_password, proofs
    (True, True, False, PASSWORD): Authenticated(Acr.AAL1, "pwd"),
    (True, True, True, PASSWORD): StepRequired(Step.NEW_PASSWORD),
    (True, False, False, PASSWORD): UNVERIFIED,
    (True, False, True, PASSWORD): UNVERIFIED,
    (False, True, False, PASSWORD): DISABLED,
    (False, True, True, PASSWORD): DISABLED,
    (False, False, False, PASSWORD): DISABLED,
    (False, False, True, PASSWORD): DISABLED,
    # Without the password nothing about the account is revealed.
    **{
        (is_active, is_verified, must_change, NOTHING): StepRequired(Step.PASSWORD)
        for is_active, is_verified, must_change in itertools.product([True, False], repeat=3)
    },
    # The upstream's subject logs in, whatever is known of an address and a password here.
    **{
        (is_active, is_verified, must_change, proofs): Authenticated(Acr.AAL1, amr) if is_active else DISABLED
        for is_active, is_verified, must_change in itertools.product([True, False], repeat=3)
        for proofs, amr in ((FEDERATED, "fed"), (FEDERATED | PASSWORD, "fed pwd"))
    },
}


@pytest.mark.parametrize(("state", "expected"), TABLE.items())
def test_next_step(state: tuple[bool, bool, bool, frozenset[Proof]], expected: NextStep) -> None:
    is_active, is_verified, must_change, proofs = state
    account = AccountState(is_active=is_active, is_verified=is_verified, must_change_password=must_change)
    assert next_step(account, proofs) == expected


def test_the_table_has_every_state() -> None:
    assert len(TABLE) == 2**3 * 2 ** len(Proof)


@pytest.mark.parametrize("proofs", [NOTHING, PASSWORD, FEDERATED | PASSWORD])
def test_proofs_are_stored_as_text(proofs: frozenset[Proof]) -> None:
    assert load_proofs(dump_proofs(proofs)) == proofs
