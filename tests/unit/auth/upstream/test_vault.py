"""A sealed value opens in its own place alone, and the column stores nothing else."""

import ast
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite

import doorward_auth
from doorward_auth.vault.errors import DamagedValueError, UnknownVaultKeyError
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.rotation import new_key, with_key
from doorward_auth.vault.vault import Place, Vault
from doorward_kit.key_rotation import write_key_set
from doorward_kit.sealed import HEADER_BYTES, NONCE_BYTES, Sealed, SealedValue

TOKEN = "an upstream's refresh token ✓"
PLACE = Place("upstream_grants", "refresh_token", uuid.UUID(int=7), "theapi")
SERVICES = Path(doorward_auth.__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "vault.json"
    write_key_set(path, {"keys": [new_key()]})
    return path


@pytest.fixture
def vault(path: Path) -> Vault:
    return Vault(VaultKeyStore(path))


def seal(vault: Vault, text: str = TOKEN, place: Place = PLACE) -> Sealed:
    return vault.seal(text, place, vault.current_key)


def test_a_sealed_value_opens_in_its_place(vault: Vault) -> None:
    sealed = seal(vault)
    assert vault.open(sealed, PLACE) == TOKEN
    assert sealed.key_id == vault.current_key.id_bytes
    assert TOKEN.encode() not in sealed.data
    assert TOKEN not in repr(sealed)


@pytest.mark.parametrize(
    "place",
    [
        Place("upstream_identities", "refresh_token", uuid.UUID(int=7), "theapi"),
        Place("upstream_grants", "access_token", uuid.UUID(int=7), "theapi"),
        Place("upstream_grants", "refresh_token", uuid.UUID(int=8), "theapi"),
        Place("upstream_grants", "refresh_token", uuid.UUID(int=7), "another"),
    ],
    ids=["table", "column", "row", "provider"],
)
def test_a_value_that_was_copied_to_another_place_does_not_open(vault: Vault, place: Place) -> None:
    with pytest.raises(DamagedValueError):
        vault.open(seal(vault), place)


def test_no_altered_byte_is_accepted(vault: Vault) -> None:
    sealed = seal(vault, "short").data
    for position in range(1, len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises((DamagedValueError, UnknownVaultKeyError)):
            vault.open(Sealed(bytes(altered)), PLACE)
    for length in (len(sealed) - 1, HEADER_BYTES + NONCE_BYTES + 16):
        with pytest.raises(DamagedValueError):
            vault.open(Sealed(sealed[:length]), PLACE)


def test_the_same_text_is_never_sealed_the_same(vault: Vault) -> None:
    assert len({seal(vault).data for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "x" * 60_000, "\ud800 half a pair", "\0"])
def test_any_text_is_kept(vault: Vault, text: str) -> None:
    assert vault.open(seal(vault, text), PLACE) == text


def test_a_value_of_an_older_key_opens_and_one_of_an_unknown_key_does_not(path: Path, vault: Vault) -> None:
    old = seal(vault)
    document = with_key({"keys": [new_key()]}, activate_at=0)
    other = Path(path.with_name("other.json"))
    write_key_set(other, document)
    with pytest.raises(UnknownVaultKeyError):
        Vault(VaultKeyStore(other)).open(old, PLACE)


def test_a_value_has_the_form_of_a_sealed_one() -> None:
    for data in (b"", b"a token in clear, long enough to be one", b"\x01" + bytes(35), b"\x02" + bytes(60)):
        with pytest.raises(ValueError, match="not a sealed value"):
            Sealed(data)


@pytest.mark.parametrize("dialect", [mysql.dialect(), sqlite.dialect()], ids=lambda dialect: dialect.name)
def test_the_column_rejects_whatever_is_not_sealed(vault: Vault, dialect: sa.Dialect) -> None:
    column = SealedValue()
    sealed = seal(vault)
    bound = column.process_bind_param(sealed, dialect)
    assert bound == sealed.data
    assert column.process_bind_param(None, dialect) is None
    for value in (TOKEN, TOKEN.encode(), bytearray(sealed.data), sealed.data):
        with pytest.raises(TypeError):
            column.process_bind_param(value, dialect)  # type: ignore[arg-type]  # what is tested
    assert column.process_result_value(sealed.data, dialect) == sealed
    assert column.process_result_value(b"\x00altered in the database", dialect) is None


def test_only_the_vault_makes_sealed_values() -> None:
    """Other code could store a token in clear text behind the first bytes of a sealed value."""
    makers = set()
    for path in SERVICES.glob("*/src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sealed":
                makers.add(path.name)
    assert makers == {"vault.py", "sealed.py"}
