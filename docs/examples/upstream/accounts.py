"""Accounts and tokens of the example API, in memory: a restart forgets them."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any


class TakenError(Exception):
    """The user name belongs to an account."""


class WrongPasswordError(Exception):
    """The user name and password are of no account."""


class InvalidTokenError(Exception):
    """The token is not valid, or no longer."""


@dataclass
class Account:
    """A user, with what `/api/me` shows of the picture."""

    id: int
    username: str
    email: str
    name: str
    salt: bytes
    password_hash: bytes
    image: dict[str, Any] | None = None
    plan: str = "free"

    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "name": self.name,
            "plan": self.plan,
            "image": self.image,
        }


@dataclass
class _Family:
    """The refresh tokens that came of one login: `current` is the only one that is not used up."""

    username: str
    current: str
    is_revoked: bool = False


@dataclass
class Accounts:
    """Refresh tokens are used once: a used one revokes all that came of the same login."""

    access_seconds: int
    _accounts: dict[str, Account] = field(default_factory=dict)
    _families: dict[str, _Family] = field(default_factory=dict)  # by each of their tokens
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def register(self, username: str, email: str, password: str, name: str) -> Account:
        if username in self._accounts:
            raise TakenError
        salt = secrets.token_bytes(16)
        account = Account(len(self._accounts) + 1, username, email, name, salt, _hash(password, salt))
        self._accounts[username] = account
        return account

    def log_in(self, username: str, password: str) -> Account:
        account = self._accounts.get(username)
        if account is None or not hmac.compare_digest(account.password_hash, _hash(password, account.salt)):
            raise WrongPasswordError
        return account

    def issue(self, account: Account) -> dict[str, Any]:
        """Return the answer to a login."""
        family = _Family(account.username, current="")
        return {**self._new_pair(family), "user": account.document()}

    def refresh(self, token: str) -> dict[str, Any]:
        """Return the answer to a refresh: new tokens, and the token that was sent is used up."""
        family = self._families.get(token)
        if family is None or family.is_revoked:
            raise InvalidTokenError
        if not hmac.compare_digest(family.current, token):
            family.is_revoked = True
            raise InvalidTokenError
        return self._new_pair(family)

    def revoke_all(self) -> None:
        """Revoke every refresh token."""
        for family in self._families.values():
            family.is_revoked = True

    def account_of(self, access_token: str) -> Account:
        signed, _, signature = access_token.rpartition(".")
        if not hmac.compare_digest(signature, self._sign(signed)):
            raise InvalidTokenError
        claims = json.loads(_decode(signed.partition(".")[2]))
        if claims["exp"] <= time.time():
            raise InvalidTokenError
        return self._accounts[claims["sub"]]

    def _new_pair(self, family: _Family) -> dict[str, Any]:
        family.current = secrets.token_urlsafe(32)
        self._families[family.current] = family
        now = int(time.time())
        claims = {
            "sub": family.username,
            "iat": now,
            "exp": now + self.access_seconds,
            "jti": secrets.token_hex(8),
        }
        header = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        signed = f"{header}.{_encode(json.dumps(claims).encode())}"
        return {"access": f"{signed}.{self._sign(signed)}", "refresh": family.current}

    def _sign(self, text: str) -> str:
        return _encode(hmac.digest(self._key, text.encode(), "sha256"))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 10_000)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
