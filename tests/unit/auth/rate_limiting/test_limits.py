"""Keys of limits: which sources share one, and that they are hashed."""

import pytest

from doorward_auth.rate_limiting.limits import LOGIN_BY_SOURCE, LOGIN_UNKNOWN_DEVICES, MAILS_BY_SOURCE
from doorward_kit.rate_limiting.limits import LimitKey

SITE = "2001:db8:1:2::"


@pytest.mark.parametrize(
    "address", ["2001:db8:1:2::1", "2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::%eth0"]
)
def test_ips_of_one_ipv6_site_share_a_key(address: str) -> None:
    assert LimitKey.of_source(LOGIN_BY_SOURCE, address) == LimitKey.of_source(LOGIN_BY_SOURCE, SITE)


@pytest.mark.parametrize("address", ["2001:db8:1:3::", "2001:db8:0:2::", "192.0.2.1"])
def test_other_ips_have_other_keys(address: str) -> None:
    assert LimitKey.of_source(LOGIN_BY_SOURCE, address) != LimitKey.of_source(LOGIN_BY_SOURCE, SITE)


def test_neighbouring_ipv4_ips_have_different_keys() -> None:
    one, other = (LimitKey.of_source(LOGIN_BY_SOURCE, f"192.0.2.{last}") for last in (1, 2))
    assert one != other


def test_limits_have_separate_keys() -> None:
    one, other = (LimitKey.of_source(limit, "192.0.2.1") for limit in (LOGIN_BY_SOURCE, MAILS_BY_SOURCE))
    assert one.hash != other.hash


def test_key_is_a_hash() -> None:
    subject = LimitKey.of(LOGIN_UNKNOWN_DEVICES, "ada@example.com")
    assert len(subject.hash) == 32
    assert b"ada" not in subject.hash


def test_any_text_can_be_a_key() -> None:
    assert len(LimitKey.of(LOGIN_UNKNOWN_DEVICES, "half a pair \ud800").hash) == 32
