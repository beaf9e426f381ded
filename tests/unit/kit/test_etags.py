import pytest

from doorward_kit.etags import PreconditionFailedError, check_if_match, not_modified, version_etag


@pytest.mark.parametrize("condition", [None, "*", '"3"', '"1", "3"', ' "3" '])
def test_a_matching_condition_passes(condition: str | None) -> None:
    check_if_match(condition, 3)


@pytest.mark.parametrize("condition", ['"2"', "3", "", '"33"', 'W/"3"', '"1","2"'])
def test_a_condition_that_does_not_match_fails(condition: str) -> None:
    """A weak tag never satisfies If-Match (RFC 9110 section 13.1.1)."""
    with pytest.raises(PreconditionFailedError):
        check_if_match(condition, 3)


def test_if_none_match_compares_weakly() -> None:
    assert not_modified('W/"3"', version_etag(3))
    assert not_modified(version_etag(3), version_etag(3))
    assert not_modified("*", version_etag(3))
    assert not not_modified('"2"', version_etag(3))
    assert not not_modified(None, version_etag(3))
