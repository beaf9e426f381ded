"""No file but a still PNG, JPEG or WebP becomes a picture, whatever else it is, and each gets its code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward_identity.avatars.rendering.image_formats import ImageRejectedError
from doorward_identity.avatars.rendering.images import render
from support import images
from support.hostile_images import HOSTILE

VALID = [images.png(), images.jpeg(progressive=True), images.webp(), images.webp(lossless=True)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_rejected_with_its_code(name: str) -> None:
    code, data = HOSTILE[name]
    with pytest.raises(ImageRejectedError) as rejected:
        render(data)
    assert rejected.value.error_code == code


def test_there_are_many_kinds() -> None:
    assert len(HOSTILE) >= 40


@given(st.sampled_from(VALID), st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_rejected_or_makes_no_difference(valid: bytes, data: st.DataObject) -> None:
    """Whatever bytes are changed or cut off, the result is a picture or an error code, and no other error."""
    damaged = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(damaged)))
    try:
        rendered = render(bytes(damaged[:end] if data.draw(st.booleans()) else damaged))
    except ImageRejectedError:
        return
    assert rendered.large.startswith(b"RIFF")
