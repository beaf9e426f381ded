"""The form of docs/examples/registration_form as browsers send it: a registration here, or at an upstream."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2
import pytest
import sqlalchemy as sa

from doorward_identity.tables import pending_registrations
from integration.harness.installation import USERS
from integration.harness.problems import assert_problem
from integration.upstream.installation import SECRET, UPSTREAM, UpstreamSetup, stored
from support.hostile_images import HOSTILE
from support.images import encoded, noise, png

pytestmark = pytest.mark.databases("sqlite")

PAGE: Final = Path(__file__).parents[3] / "docs" / "examples" / "registration_form" / "index.html"
REGISTER: Final = "/api/register"
AT_UPSTREAM: Final = f"{UPSTREAM}/theapi/register"
URLENCODED: Final = {"Content-Type": "application/x-www-form-urlencoded"}
SHORT: Final = {code: name for name, (code, data) in HOSTILE.items() if len(data) < 500_000}
"""One hostile file for each code of a rejection."""


class Form(HTMLParser):
    """The form of a page: its attributes, and its inputs by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.inputs: dict[str, str | None] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.attributes = given
        elif tag == "input":
            self.inputs[given["name"] or ""] = given.get("type")

    def parts(self, filled: dict[str, str], image: bytes | None) -> dict[str, tuple[str | None, bytes | str]]:
        """Return every input as a browser sends it: those that were left empty, too."""
        chosen = ("", b"") if image is None else ("me.png", image)
        return {
            name: chosen if kind == "file" else (None, filled.get(name, ""))
            for name, kind in self.inputs.items()
        }


FORM: Final = Form(PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def setup(running_setup: UpstreamSetup) -> UpstreamSetup:
    running_setup.api.wipe()
    running_setup.example.will("ok")
    return running_setup


def filled(setup: UpstreamSetup, **more: str) -> dict[str, str]:
    number = sum(setup.example.requests().values())
    return {"email": f"form{number}@example.com", "password": SECRET, **more}


def submit(setup: UpstreamSetup, path: str, fields: dict[str, str], image: bytes | None) -> httpx2.Response:
    assert FORM.attributes["method"] == "post"
    assert FORM.attributes["enctype"] == "multipart/form-data"
    headers = {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8300"}
    return setup.api.call("POST", path, files=FORM.parts(fields, image), headers=headers)


def sent(setup: UpstreamSetup) -> int:
    return setup.example.requests().get(REGISTER, 0)


@pytest.mark.parametrize("image", [png(), None], ids=["with a picture", "without"])
def test_the_form_of_the_example_registers(setup: UpstreamSetup, image: bytes | None) -> None:
    action = urlsplit(FORM.attributes["action"] or "")
    assert action.netloc == "127.0.0.1:8080"
    registered = submit(setup, action.path, filled(setup), image)
    assert registered.status_code == 202, registered.text
    assert registered.json()["registration_token"]
    avatars = sa.select(pending_registrations.c.avatar_id)
    [(avatar,)] = setup.api.execute(avatars)
    assert (avatar is None) == (image is None)


@pytest.mark.parametrize("image", [png(), None], ids=["with a picture", "without"])
@pytest.mark.parametrize("name", ["", "Ada Lovelace"])
def test_the_same_form_registers_at_an_upstream(setup: UpstreamSetup, image: bytes | None, name: str) -> None:
    fields = filled(setup, name=name)
    registered = submit(setup, AT_UPSTREAM, fields, image)
    assert registered.status_code == 201, registered.text
    me = setup.api.call("GET", f"{USERS}/me", registered.json()["access_token"]).json()
    assert me["email"] == fields["email"]
    assert me["name"] == (name or fields["email"].partition("@")[0])
    assert (me["picture"] is None) == (image is None)


def test_a_form_without_a_file_need_not_be_multipart(setup: UpstreamSetup) -> None:
    registered = setup.api.call("POST", AT_UPSTREAM, data=filled(setup, name=""), headers=URLENCODED)
    assert registered.status_code == 201, registered.text


def test_a_form_of_another_site_registers_nobody_at_an_upstream(setup: UpstreamSetup) -> None:
    before = sent(setup)
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = setup.api.call("POST", AT_UPSTREAM, files=FORM.parts(filled(setup), None), headers=headers)
    assert_problem(answer, 403, "cross_site_form")
    assert (sent(setup), stored(setup.api)) == (before, {})


@pytest.mark.parametrize("code", SHORT)
def test_a_hostile_picture_in_the_form_reaches_no_upstream(setup: UpstreamSetup, code: str) -> None:
    before = sent(setup)
    image = HOSTILE[SHORT[code]][1] or b"?"
    assert_problem(submit(setup, AT_UPSTREAM, filled(setup), image), 422, code)
    assert (sent(setup), stored(setup.api)) == (before, {})


def test_a_broken_form_reaches_no_upstream(setup: UpstreamSetup) -> None:
    before, fields = sent(setup), filled(setup)
    parts = FORM.parts(fields, png())
    broken = [
        {**parts, **{f"more{number}": (None, "x") for number in range(21)}},
        {**parts, "second": ("b.png", png())},
        {**FORM.parts(fields, None), "picture": ("a.png", png())},
    ]
    for files in broken:
        assert_problem(setup.api.call("POST", AT_UPSTREAM, files=files), 400, "invalid_form")
    unknown = setup.api.call("POST", AT_UPSTREAM, files={**parts, "role": (None, "admin")})
    assert_problem(unknown, 422, "validation_error")
    assert (sent(setup), stored(setup.api)) == (before, {})


def test_only_a_form_with_a_picture_may_be_long(setup: UpstreamSetup) -> None:
    image = encoded(noise(500), "PNG")
    assert 700_000 < len(image) < 1_000_000
    assert submit(setup, AT_UPSTREAM, filled(setup), image).status_code == 201
    before = sent(setup)
    answers = [
        submit(setup, AT_UPSTREAM, filled(setup), image + bytes(1_048_577 - len(image))),
        setup.api.call("POST", AT_UPSTREAM, json=filled(setup, name="x" * 70_000)),
        setup.api.call("POST", AT_UPSTREAM, data=filled(setup, name="x" * 70_000), headers=URLENCODED),
    ]
    for answer in answers:
        assert_problem(answer, 413, "content_too_large")
    assert sent(setup) == before
