"""Answers that are no picture, and failures: what is asked for again, and when."""

import gzip
from typing import Final

import pytest
import sqlalchemy as sa

from doorward_auth.upstream.pictures.metrics import PictureOutcome
from doorward_auth.upstream_adapters.pictures import MAX_REDIRECTS
from doorward_client.errors import UnavailableError
from doorward_identity.avatars.service import Avatars
from doorward_identity.tables import avatars
from doorward_kit.executors import OverloadedError
from integration.upstream.picture_setup import FIRST, MAX_BYTES, SECOND, PictureSetup
from support import bombs
from support.hostile_images import BROKEN, HOSTILE, PAGE
from support.images import encoded, noise
from support.scripted_upstream import Reply, Script, Then, answer

SVG: Final = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (answer(200, SVG, {"Content-Type": "image/svg+xml"}), PictureOutcome.REJECTED),
        (answer(200, SVG, {"Content-Type": "image/png"}), PictureOutcome.REJECTED),
        (answer(200, PAGE, {"Content-Type": "image/png"}), PictureOutcome.REJECTED),
        (answer(200, bombs.png_size()), PictureOutcome.REJECTED),
        (answer(200, BROKEN["PNG: half"]), PictureOutcome.REJECTED),
        (answer(200, encoded(noise(400), "PNG")), PictureOutcome.REJECTED),
        (answer(200, b""), PictureOutcome.REJECTED),
        (
            answer(200, gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"}),
            PictureOutcome.REJECTED,
        ),
        (answer(404, "gone"), PictureOutcome.FAILED),
        (answer(403, "no"), PictureOutcome.FAILED),
        (answer(302, b"", {"Location": "http://169.254.169.254/latest/"}), PictureOutcome.NOT_ALLOWED),
        (answer(302, b"", {"Location": "http://127.0.0.1:1/"}), PictureOutcome.NOT_ALLOWED),
        (answer(302, b"", {"Location": "https://pictures.example.com/"}), PictureOutcome.NOT_ALLOWED),
    ],
)
@pytest.mark.databases("sqlite")
async def test_an_answer_that_is_no_picture_is_asked_for_once_a_day(
    pictures: PictureSetup, script: Script, outcome: PictureOutcome
) -> None:
    user = pictures.new_user()
    await pictures.set_first(user)
    before = pictures.picture(user)
    pictures.host.will(script)
    assert await pictures.update(user, path="/new.png") is outcome
    assert await pictures.update(user, path="/new.png") is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 2
    assert (pictures.picture(user), pictures.count()) == (before, 1)
    pictures.pass_a_day()
    pictures.host.will(SECOND)
    assert await pictures.update(user, path="/new.png") is PictureOutcome.STORED


@pytest.mark.databases("sqlite")
async def test_a_url_that_redirects_in_a_circle_is_asked_for_once_a_day(pictures: PictureSetup) -> None:
    user = pictures.new_user()
    pictures.host.otherwise = answer(302, b"", {"Location": "/me.png"})
    assert await pictures.update(user) is PictureOutcome.FAILED
    assert await pictures.update(user) is PictureOutcome.UNCHANGED
    assert len(pictures.host.received) == 1 + MAX_REDIRECTS
    pictures.pass_a_day()
    await pictures.set_first(user)


@pytest.mark.parametrize("file", [file for _, file in HOSTILE.values() if len(file) <= MAX_BYTES][::9])
@pytest.mark.databases("sqlite")
async def test_no_hostile_file_becomes_a_picture(pictures: PictureSetup, file: bytes) -> None:
    user = pictures.new_user()
    pictures.host.will(answer(200, file, {"Content-Type": "image/png"}))
    assert await pictures.update(user) is PictureOutcome.REJECTED
    assert pictures.grants.execute(sa.select(avatars.c.id)) == []


@pytest.mark.parametrize(
    "script",
    [
        answer(500, "broken"),
        answer(503),
        answer(408),
        answer(425),
        answer(429, "slow down"),
        Reply(then=Then.RESET),
        Reply(b"HTTP/1.1 2"),
    ],
)
@pytest.mark.databases("sqlite")
async def test_a_failure_that_passes_is_tried_again_at_the_next_login(
    pictures: PictureSetup, script: Reply
) -> None:
    user = pictures.new_user()
    pictures.host.will(Reply(script.raw, Then.RESET) if script.raw == b"HTTP/1.1 2" else script)
    assert await pictures.update(user) is PictureOutcome.FAILED
    await pictures.set_first(user)


@pytest.mark.databases("sqlite")
async def test_a_full_queue_of_the_decoder_is_tried_again_at_the_next_login(
    pictures: PictureSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = pictures.new_user()

    async def overloaded(*_: object) -> None:
        raise OverloadedError(retry_after=1)

    with monkeypatch.context() as patch:
        patch.setattr(Avatars, "render", overloaded)
        pictures.host.will(FIRST)
        with pytest.raises(UnavailableError):
            await pictures.update(user)
    await pictures.set_first(user)
