"""Building messages, and the text in them."""

import uuid
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_mail.content import message as messages
from doorward_mail.content.message import MailContent, MessageBuilder, header_text
from doorward_mail.email_address import InvalidAddressError, ascii_domain, envelope_address
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.settings import MailSettings

MAIL_ID = uuid.UUID("01a1fe6c-2164-72f5-9037-ac90a0afafd0")
LEASE_ID = uuid.UUID("01a1fe6d-ebc4-75db-b76f-8e329d63ec5d")


def build(content: MailContent, *, lease_id: uuid.UUID = LEASE_ID, **settings: Any) -> EmailMessage:
    values = {"mail_from": "no-reply@example.com", **settings}
    mail = LeasedMail(MAIL_ID, lease_id, "notice", "ada@example.com", "en", {}, 1, 0.0, is_expired=False)
    made = MessageBuilder(MailSettings(**values)).build(mail, content)
    message = message_from_bytes(made.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@given(st.text(), st.text(), st.text())
def test_any_text_creates_a_complete_message(subject: str, text: str, name: str) -> None:
    if not _is_storable(subject + text + name):
        return
    message = build(MailContent(subject, text, f"<p>{text}</p>"), mail_from_name=(name or "x")[:100])
    assert sorted(message.keys()) == sorted(messages._HEADERS)
    assert message["From"].addresses[0].addr_spec == "no-reply@example.com"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def _is_storable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@given(st.text())
def test_header_text_is_one_line_without_encoded_words(text: str) -> None:
    cleaned = header_text(text)
    assert len(cleaned.splitlines()) <= 1
    assert "=?" not in cleaned
    assert cleaned == header_text(cleaned)


def test_an_unexpected_header_is_an_error() -> None:
    for content in (
        b"From: a\r\nBcc: b\r\n\r\n",
        b"From: a\r\nFrom: a\r\n\r\n",
        b"From: a\nBcc: b\r\n\r\n",
        b"\r\n",
    ):
        with pytest.raises(ValueError, match="other fields"):
            messages._require_headers(content, ["From"])
    messages._require_headers(b"From: a\r\n b\r\n\r\nBcc: in the body\r\n", ["From"])


def test_every_attempt_of_a_mail_has_the_same_message_id() -> None:
    content = MailContent("s", "t", "h")
    ids = {build(content, lease_id=lease_id)["Message-ID"] for lease_id in (LEASE_ID, uuid.UUID(int=1))}
    assert ids == {f"<{MAIL_ID}@example.com>"}
    assert build(content, mail_message_id_domain="id.example")["Message-ID"] == f"<{MAIL_ID}@id.example>"


@pytest.mark.parametrize("domain", ["example.com", f"{'long.' * 45}example.com"])
def test_mails_of_a_conversation_refer_to_one_id_on_one_line(domain: str) -> None:
    content = MailContent("s", "t", "h", conversation="b5e2a1f0-0000-5000-8000-000000000000")
    message = build(content, mail_message_id_domain=domain)
    assert sorted(message.keys()) == sorted((*messages._HEADERS, "In-Reply-To", "References"))
    for name in ("In-Reply-To", "References"):
        assert message[name] == f"<{content.conversation}@{domain}>"
    assert message["Message-ID"] == f"<{MAIL_ID}@{domain}>"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Ada.Lovelace+x@Example.com", "Ada.Lovelace+x@Example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("用户@例え.example", "用户@xn--r8jz45g.example"),
        ("o'neil@localhost", "o'neil@localhost"),
    ],
)
def test_addresses_are_converted_for_smtp(address: str, expected: str) -> None:
    assert envelope_address(address) == expected


@given(st.text(max_size=30))
def test_an_accepted_address_contains_no_delimiter(text: str) -> None:
    try:
        address = envelope_address(text)
    except InvalidAddressError:
        return
    assert not set(address) & set(' \t\r\n\x00<>"(),:;[]\\')
    assert address.isprintable()
    assert address.rpartition("@")[2].isascii()


def test_an_invalid_domain_is_rejected_without_quoting_it() -> None:
    for domain in ("", ".", "a b", "-", "exa_mple.com", "☃..example", "a" * 64 + "ü.example"):
        with pytest.raises(InvalidAddressError) as rejected:
            ascii_domain(domain)
        assert not domain.strip(".-") or domain not in str(rejected.value)
