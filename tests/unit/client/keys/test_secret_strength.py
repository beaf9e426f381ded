import pytest

from doorward_client.keys.secret_strength import WeakKeyError, check_secret, key_id


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "secret",
        "x" * 31,
        "x" * 64,
        "abababababababababababababababababababab",
        "your-256-bit-secret-your-256-bit-secret",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    ],
)
def test_rejects_a_weak_key(secret: str) -> None:
    with pytest.raises(WeakKeyError, match="openssl rand"):
        check_secret(secret.encode())


def test_accepts_a_random_key_of_32_bytes() -> None:
    check_secret(b"Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5")


def test_the_length_is_counted_in_bytes() -> None:
    check_secret("äöüßéèêçñåøæœ1234567".encode())


def test_key_ids_differ_and_do_not_reveal_the_key() -> None:
    assert key_id(b"a" * 32) != key_id(b"b" * 32)
    assert len(key_id(b"a" * 32)) == 16
