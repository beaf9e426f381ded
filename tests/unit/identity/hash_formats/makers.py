"""Hashes of a password, made by the other systems themselves."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable

import argon2
import bcrypt
from argon2.low_level import Type
from django.contrib.auth import hashers  # type: ignore[import-untyped]  # Django ships no types

from doorward_identity.passwords import from_keycloak

PASSWORD = "Tr0ub4dor & ünïcode 🐴"


def _bcrypt(prefix: str) -> Callable[[str], str]:
    def make(password: str) -> str:
        made = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
        return f"${prefix}{made[3:]}"

    return make


def _django(hasher: hashers.BasePasswordHasher, **cost: int) -> Callable[[str], str]:
    for name, value in cost.items():
        setattr(hasher, name, value)
    return lambda password: str(hasher.encode(password, hasher.salt()))


def _keycloak(algorithm: str, digest: str, *, length: int, iterations: int = 10) -> Callable[[str], str]:
    def make(password: str) -> str:
        value = hashlib.pbkdf2_hmac(digest, password.encode(), b"sixteen bytes ..", iterations, length)
        return from_keycloak(
            json.dumps({"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": {}}),
            secret_data_of(value, b"sixteen bytes .."),
        )

    return make


def secret_data_of(value: bytes, salt: bytes) -> str:
    return json.dumps(
        {
            "value": b64encode(value).decode(),
            "salt": b64encode(salt).decode(),
            "additionalParameters": {},
        }
    )


def keycloak_argon2(password: str) -> str:
    value = argon2.low_level.hash_secret_raw(
        password.encode(),
        b"sixteen bytes ..",
        time_cost=5,
        memory_cost=64,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )
    parameters = {"hashLength": "32", "memory": "64", "type": "id", "version": "1.3", "parallelism": "1"}
    return from_keycloak(
        json.dumps(
            {
                "hashIterations": 5,
                "algorithm": "argon2",
                "additionalParameters": {name: [text] for name, text in parameters.items()},
            }
        ),
        secret_data_of(value, b"sixteen bytes .."),
    )


def _argon2(variant: Type) -> Callable[[str], str]:
    return argon2.PasswordHasher(time_cost=2, memory_cost=64, parallelism=4, type=variant).hash


MAKERS = {
    "bcrypt 2a": _bcrypt("2a"),
    "bcrypt 2b": _bcrypt("2b"),
    "bcrypt 2y": _bcrypt("2y"),
    "Django bcrypt": _django(hashers.BCryptPasswordHasher(), rounds=4),
    "Django bcrypt_sha256": _django(hashers.BCryptSHA256PasswordHasher(), rounds=4),
    "Django pbkdf2_sha256": _django(hashers.PBKDF2PasswordHasher(), iterations=10),
    "Django pbkdf2_sha1": _django(hashers.PBKDF2SHA1PasswordHasher(), iterations=10),
    "Django argon2": _django(hashers.Argon2PasswordHasher(), memory_cost=64, parallelism=2),
    "Keycloak pbkdf2": _keycloak("pbkdf2", "sha1", length=64),
    "Keycloak pbkdf2-sha256": _keycloak("pbkdf2-sha256", "sha256", length=32),
    "Keycloak pbkdf2-sha256, 64 bytes": _keycloak("pbkdf2-sha256", "sha256", length=64),
    "Keycloak pbkdf2-sha512": _keycloak("pbkdf2-sha512", "sha512", length=64),
    "Keycloak pbkdf2-sha512, 128 bytes": _keycloak("pbkdf2-sha512", "sha512", length=128),
    "Keycloak argon2": keycloak_argon2,
    "argon2id": _argon2(Type.ID),
    "argon2i": _argon2(Type.I),
    "argon2d": _argon2(Type.D),
}
