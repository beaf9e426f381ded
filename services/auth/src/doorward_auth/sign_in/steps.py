"""The next step of a sign-in: a pure function of the account and the proofs given so far."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from doorward_auth.account_repository import Account
from doorward_auth.tokens.refresh_hook import FEDERATED


class Proof(StrEnum):
    """The factors that a user has proven; the values are RFC 8176's, as in the claim `amr`."""

    PASSWORD = "pwd"  # noqa: S105 - a kind of proof, not a secret
    FEDERATED = FEDERATED
    """A login at an upstream."""


class Acr(StrEnum):
    """How strongly a session is authenticated, as in the claim `acr`."""

    AAL1 = "aal1"


class Step(StrEnum):
    """The steps that can be needed before a session opens."""

    PASSWORD = "password"  # noqa: S105 - a step, not a secret
    EMAIL_CODE = "email_code"
    """The code that was mailed to the account's address, which is not proven yet."""
    NEW_PASSWORD = "new_password"  # noqa: S105 - a step, not a secret


class DenialReason(StrEnum):
    """Why an account may not sign in, independent of its proofs."""

    ACCOUNT_DISABLED = "account_disabled"


@dataclass(frozen=True, slots=True)
class AccountState:
    """The state of an account that decides about its sign-in."""

    is_active: bool
    is_verified: bool
    must_change_password: bool


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A session may open, with these claims."""

    acr: Acr
    amr: str


@dataclass(frozen=True, slots=True)
class StepRequired:
    """One more step."""

    step: Step


@dataclass(frozen=True, slots=True)
class Denied:
    """No session opens."""

    reason: DenialReason


NextStep = Authenticated | StepRequired | Denied


def state_of(account: Account) -> AccountState:
    """Return what next_step needs of an account."""
    return AccountState(
        is_active=account.is_active,
        is_verified=account.is_verified,
        must_change_password=bool(account.must_change),
    )


_SEPARATOR: Final = " "


def next_step(account: AccountState, proofs: AbstractSet[Proof]) -> NextStep:
    """Return what a sign-in needs next.

    The password comes before anything is said about the account. A new password comes last: a caller who
    only knows the temporary one must not get to choose it while another proof is missing. An unverified
    address is proven with its code; that is a state of the account and no proof of the session (ASVS 6.3.6).
    A login at an upstream is of its subject, not of an address: it needs neither.
    """
    if proofs.isdisjoint({Proof.PASSWORD, Proof.FEDERATED}):
        return StepRequired(Step.PASSWORD)
    if not account.is_active:
        return Denied(DenialReason.ACCOUNT_DISABLED)
    if Proof.FEDERATED in proofs:
        return Authenticated(Acr.AAL1, dump_proofs(proofs))
    if not account.is_verified:
        return StepRequired(Step.EMAIL_CODE)
    if account.must_change_password:
        return StepRequired(Step.NEW_PASSWORD)
    return Authenticated(Acr.AAL1, dump_proofs(proofs))


def dump_proofs(proofs: AbstractSet[Proof]) -> str:
    """Return the text that columns store."""
    return _SEPARATOR.join(sorted(proofs))


def load_proofs(text: str) -> frozenset[Proof]:
    """Read what `dump_proofs` writes."""
    return frozenset(Proof(name) for name in text.split(_SEPARATOR) if name)
