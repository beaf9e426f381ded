"""Hostile forms and uploads are rejected with a documented code, in memory, and within their limits."""

import tempfile
from collections.abc import Iterator
from io import StringIO
from typing import NoReturn

import httpx2
import pytest

from integration.harness.installation import AUTH, USERS, Installation
from integration.harness.people import People
from integration.harness.problems import assert_problem, assert_rejected
from support.images import encoded, noise, png

pytestmark = pytest.mark.databases("sqlite")  # these rejections do not depend on the database

OWN = f"{USERS}/me/avatar"
REGISTER = f"{AUTH}/register"
PASSWORD = "an unheard-of phrase"
MIB = 1024 * 1024


def part(name: str, content: bytes = b"x", *headers: str, filename: str | None = None) -> bytes:
    """Return a part of a form with the boundary `b`."""
    file = "" if filename is None else f'; filename="{filename}"'
    lines = [f'Content-Disposition: form-data; name="{name}"{file}', *headers]
    return b"--b\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


GOOD = part("email", b"ada@example.com") + part("password", PASSWORD.encode())
IMAGE = part("image", png(), filename="a")
END = b"--b--\r\n"
FORM = "multipart/form-data; boundary=b"
URLENCODED = "application/x-www-form-urlencoded"

BROKEN_FORMS: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", GOOD + END),
    "an empty boundary": ('multipart/form-data; boundary=""', GOOD + END),
    "a long boundary": ("multipart/form-data; boundary=" + "b" * 100, GOOD + END),
    "a boundary with a tab": ('multipart/form-data; boundary="b\t"', GOOD + END),
    "nothing": (FORM, b""),
    "no end": (FORM, GOOD),
    "half a file": (FORM, GOOD + IMAGE[:-20]),
    "another boundary": (FORM, (GOOD + END).replace(b"--b", b"--c")),
    "no name": (FORM, GOOD + b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END),
    "no disposition": (FORM, GOOD + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END),
    "a header without an end": (FORM, GOOD + b"--b\r\nX: " + b"x" * 50_000),
    "a hundred headers": (FORM, GOOD + part("name", b"x", *["X: y"] * 100) + END),
    "21 fields": (FORM, b"".join(part(f"f{number}") for number in range(21)) + END),
    "two files": (FORM, GOOD + IMAGE + part("other", b"x", filename="b") + END),
    "two images": (FORM, GOOD + IMAGE + IMAGE + END),
    "a field twice": (FORM, GOOD + part("password", b"another unheard-of phrase") + END),
    "a field that is also a file": (FORM, GOOD + part("image") + IMAGE + END),
    "a file of another name": (FORM, GOOD + part("picture", png(), filename="a") + END),
    "a password as a file": (FORM, part("email", b"ada@example.com") + part("password", filename="p") + END),
    "a field of 64 KiB and a byte": (FORM, GOOD + part("name", b"x" * 65_537) + END),
    "no UTF-8": (FORM, GOOD + part("name", b"\xff\xfe") + END),
    "a surrogate": (FORM, GOOD + part("name", b"\xed\xa0\x80") + END),
    "a name that is no UTF-8": (FORM, GOOD + part("name").replace(b'"name"', b'"\xff"') + END),
    "urlencoded: 21 fields": (URLENCODED, b"&".join(b"a%d=1" % number for number in range(21))),
    "urlencoded: a field twice": (URLENCODED, b"email=a&email=b"),
    "urlencoded: a field without a value": (URLENCODED, b"email"),
    "urlencoded: other bytes": (URLENCODED, b"email=\xff"),
    "urlencoded: no UTF-8": (URLENCODED, b"email=%ff%fe"),
}
WRONG_TYPES = [
    "multipart/mixed; boundary=b",
    "multipart/form-data; boundary=b; charset=utf-16",
    "multipart/form-data; boundary=b; charset=idna",
    "multipart/form-data; boundary=b; charset=unicode_escape",
    "application/x-www-form-urlencoded; charset=latin-1",
    "text/plain",
    "image/png",
    "",
]


@pytest.fixture(autouse=True)
def _no_file_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file system of a service is read-only."""

    def reject(*_arguments: object, **_options: object) -> NoReturn:
        raise OSError("Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", reject)


def send(
    installation: Installation,
    method: str,
    path: str,
    content: bytes | Iterator[bytes],
    media_type: str,
    token: str | None = None,
    **headers: str,
) -> httpx2.Response:
    sent = {"Content-Type": media_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return installation.call(method, path, token, sent, content=content)


@pytest.mark.parametrize("name", BROKEN_FORMS)
def test_a_broken_form_is_rejected(
    installation: Installation, people: People, name: str, rendered_log: StringIO
) -> None:
    media_type, body = BROKEN_FORMS[name]
    assert_problem(send(installation, "POST", REGISTER, body, media_type), 400, "invalid_form")
    upload = send(installation, "PUT", OWN, body, media_type, people.user.access)
    assert_rejected(upload, 400, 415)
    assert PASSWORD not in rendered_log.getvalue()
    assert '"level":"error"' not in rendered_log.getvalue()
    assert installation.execute("SELECT * FROM pending_registrations") == []
    assert installation.execute("SELECT * FROM avatars") == []


@pytest.mark.parametrize("media_type", WRONG_TYPES)
def test_a_form_of_another_type_is_rejected(installation: Installation, media_type: str) -> None:
    rejected = send(installation, "POST", REGISTER, GOOD + END, media_type)
    assert_problem(rejected, 415, "unsupported_media_type")
    compressed = send(installation, "POST", REGISTER, GOOD + END, FORM, Content_Encoding="gzip")
    assert_problem(compressed, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["image/svg+xml", "image/gif", "application/octet-stream", "text/html", "application/json"]
)
def test_an_upload_of_another_type_is_rejected(
    installation: Installation, people: People, media_type: str
) -> None:
    access = people.user.access
    rejected = send(installation, "PUT", OWN, png(), media_type, access)
    assert_problem(rejected, 415, "unsupported_media_type")
    compressed = send(installation, "PUT", OWN, png(), "image/png", access, Content_Encoding="gzip")
    assert_problem(compressed, 415, "unsupported_media_type")


def test_an_upload_is_one_file_and_nothing_else(installation: Installation, people: People) -> None:
    access = people.user.access
    for body in (part("name") + IMAGE, part("image"), part("picture", png(), filename="a")):
        assert_problem(send(installation, "PUT", OWN, body + END, FORM, access), 400, "invalid_form")
    assert send(installation, "PUT", OWN, IMAGE + END, FORM, access).status_code == 200


def test_the_declared_type_is_not_trusted(installation: Installation, people: People) -> None:
    """The content decides: a PNG is a PNG, and a page that is declared as one is none."""
    assert send(installation, "PUT", OWN, png(), "image/jpeg", people.user.access).status_code == 200
    for body in (b"<html>", b""):
        rejected = send(installation, "PUT", OWN, body, "image/png", people.user.access)
        assert_problem(rejected, 422, "image_type_unsupported")


def test_only_bodies_with_an_image_may_be_long(installation: Installation, people: People) -> None:
    image = encoded(noise(500), "PNG")
    assert 700_000 < len(image) < MIB
    access = people.user.access
    assert send(installation, "PUT", OWN, image, "image/png", access).status_code == 200
    pieces = (image[start : start + 50_000] for start in range(0, len(image), 50_000))
    assert send(installation, "PUT", OWN, pieces, "image/png", access).status_code == 200
    form = GOOD + part("image", image, filename="a") + END
    assert send(installation, "POST", REGISTER, form, FORM).status_code == 202
    for method, path, media_type in (
        ("PUT", OWN, "application/json"),
        ("PUT", OWN, "text/plain"),
        ("POST", REGISTER, "application/json"),
        ("POST", REGISTER, "application/x-www-form-urlencoded"),
        ("POST", f"{AUTH}/token", "image/png"),
        ("PATCH", f"{USERS}/me", "image/png"),
        ("POST", OWN, "image/png"),
    ):
        rejected = send(installation, method, path, image, media_type, access)
        assert_problem(rejected, 413, "content_too_large")
    chunked = send(installation, "POST", REGISTER, iter([b"x" * 40_000] * 2), "application/json")
    assert_problem(chunked, 413, "content_too_large")


def test_an_image_past_the_limit_is_rejected(installation: Installation, people: People) -> None:
    for body in (b"x" * (MIB + 1), iter([b"x" * 65_536] * 17)):
        rejected = send(installation, "PUT", OWN, body, "image/png", people.user.access)
        assert_problem(rejected, 413, "content_too_large")
    long = GOOD + part("image", b"x" * MIB, filename="a") + END
    assert_problem(send(installation, "POST", REGISTER, long, FORM), 413, "content_too_large")


def test_an_upload_needs_a_token(installation: Installation) -> None:
    """Before the body is read."""
    rejected = send(installation, "PUT", OWN, b"x" * 900_000, "image/png")
    assert_problem(rejected, 401, "not_authenticated")


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 202), ("same-origin", 202), ("none", 202)]
)
def test_a_form_of_another_site_is_rejected(installation: Installation, site: str, status: int) -> None:
    """Otherwise any page could register addresses with the browsers of its readers."""
    answer = send(installation, "POST", REGISTER, GOOD + END, FORM, Sec_Fetch_Site=site)
    assert answer.status_code == status
    if status == 403:
        assert_problem(answer, 403, "cross_site_form")
        assert installation.execute("SELECT * FROM pending_registrations") == []
