"""Every mail of every service, with hostile text wherever users can write: it is quoted, and never a link.

Templates are found by their files, so a new one is tested without being named here. A service keeps them in
`templates/` next to `mail_templates.py`.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unittest.mock import MagicMock

import pytest
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import urlize

from doorward_mail.content.message import MessageBuilder
from doorward_mail.content.quoting import TrustedText
from doorward_mail.content.templates import MailTemplate, MailTemplates
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.settings import MailSettings

SERVICES: Final = Path(__file__).parents[3] / "services"
SETTINGS: Final = MailSettings(mail_from="no-reply@example.com", mail_from_name="Team")
HEADERS: Final = frozenset(
    ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
)

MARK: Final = "Ωq"
"""A part of every hostile text that no template and no code has."""

HOSTILE: Final = {
    "advice": f"{MARK} Your administrator password expires, renew at https://evil.example/renew",
    "address": f"{MARK}.evil.example www.{MARK}.example ada@{MARK}.example mailto:{MARK}@evil.example",
    "schemes": rf"javascript:{MARK} file:\\evil\{MARK} \\evil\{MARK} http://10.0.0.1/{MARK} 10.0.0.1 tel:1",
    "look-alikes": f"https：//{MARK}．example {MARK}。example {MARK}｡example ada＠{MARK}.example {MARK}.рф",
    "invisible": f"{MARK}\u200b.\u200bevil\u2060.example e\u00advil\ufeff.example \u202e{MARK}\u2066.example",
    "lines": f"{MARK}\r\nBcc: x@{MARK}.example\r\n\r\n{MARK}\u2028{MARK}\x00\x1b[0m{MARK}\t{MARK}",
    "encoded": f"=?utf-8?q?{MARK}=0D=0ABcc:_x@evil.example?= =?utf-8?b?QmNjOiB4?= {MARK}",
    "markup": f'{MARK}</p></blockquote><a href="https://evil.example">{MARK}</a><script>{MARK}</script>&#46;com',
    "template": f"{MARK}{{{{ 7 * 7 }}}}{{% include '/etc/passwd' %}}{{0.__class__}}",
    "endings": f"{MARK}\" – '{MARK}' ” – {MARK} “{MARK}” „{MARK}» > {MARK}",
    "long": MARK + "x" * 2_000 + f".example {MARK}" + " y" * 2_000,
}


@dataclass(frozen=True)
class Case:
    """A template of a service."""

    module: str
    template: MailTemplate
    templates: MailTemplates

    def __str__(self) -> str:
        return f"{self.module.partition('.')[0]}:{self.template.name}"


def modules() -> dict[str, Path]:
    """Return the modules next to the folders with subjects, by name."""
    folders = {path.parents[1] for path in SERVICES.glob("*/src/**/*.subject.txt")}
    return {
        ".".join((*folder.parent.relative_to(folder.parents[-1]).parts[-2:], "mail_templates")): folder
        for folder in sorted(folders)
    }


@cache
def cases() -> list[Case]:
    found = []
    for name, folder in modules().items():
        module = import_module(name)
        templates = module.templates(MagicMock())
        package = name.rpartition(".")[0]
        mails = MailTemplates(package, templates, SETTINGS, folder=folder.name)
        found += [Case(name, template, mails) for template in templates]
    return found


def user_variables(case: Case) -> set[str]:
    """Return the names of the variables that are text of users."""
    return {
        key
        for sample in case.template.samples
        for key, value in sample.items()
        if isinstance(value, str) and not isinstance(value, TrustedText)
    }


def mailed(case: Case, sample: Mapping[str, Any]) -> EmailMessage:
    """Return the mail as a mail program reads it."""
    mail = LeasedMail(
        uuid.UUID(int=7), uuid.UUID(int=8), case.template.name, "ada@example.com", "en", {}, 1, 0.0,
        is_expired=False,
    )  # fmt: skip
    content = case.templates.render(case.template.name, "en", sample)
    raw = MessageBuilder(SETTINGS).build(mail, content).content
    lines = [line for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] not in b" \t"]
    names = [line.partition(b":")[0].decode() for line in lines]
    assert len(names) == len(set(names))
    # Mails about a ticket are a conversation.
    assert set(names) - HEADERS in (set(), {"In-Reply-To", "References"})
    assert set(names) >= HEADERS
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


class Reader(HTMLParser):
    """What a reader sees of a page: its texts with the elements around each, its links, its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.elements: set[str] = set()
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], "unbalanced"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        values = dict(attrs)
        self.links += [value for name in ("href", "src", "action") if (value := values.get(name)) is not None]
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self._open:
            self.texts.append((data.strip(), tuple(self._open)))


def links_in(text: str) -> list[str]:
    """Return what some mail program would link."""
    bare = re.sub(r"\[[^\]\s]{1,8}\]", "\n", text)
    loose = re.findall(r"[^\s.:@][.:@．。｡＠]+[^\s.:@]|\\\\\S", bare)
    found = [sign for sign in loose if not re.fullmatch(r"[0-9][.:][0-9]", sign)]
    return found + re.findall(r"<a [^>]*>", str(urlize(text, extra_schemes=["ftp:", "file:"])))


def hostile_samples(case: Case, text: str) -> Iterator[Mapping[str, Any]]:
    attacked = user_variables(case)
    for sample in case.template.samples:
        yield {key: text if key in attacked and value is not None else value for key, value in sample.items()}


def test_a_service_with_templates_has_a_module_that_lists_them_all() -> None:
    assert {name.partition(".")[0] for name in modules()} == {"doorward_auth", "doorward_tickets"}
    for name, folder in modules().items():
        files = {path.name.removesuffix(".subject.txt") for path in folder.glob("*/*.subject.txt")}
        assert files == {case.template.name for case in cases() if case.module == name}


@pytest.mark.parametrize(
    ("case", "hostile"),
    # One is enough for a template without text of users: its own words are checked.
    [(case, name) for case in cases() for name in (HOSTILE if user_variables(case) else ["advice"])],
    ids=str,
)
def test_text_of_users_is_quoted_and_never_a_link(case: Case, hostile: str) -> None:
    for sample in hostile_samples(case, HOSTILE[hostile]):
        message = mailed(case, sample)
        own_link = sample.get("link")

        subject = str(message["Subject"])
        assert len(subject) <= 120
        before, _, quotation = subject.partition("“")
        assert MARK not in before
        if MARK in subject:
            assert len(before) >= 6
            assert quotation.index("”") == len(quotation) - 1
        assert links_in(subject) == []

        text = part(message, "plain")
        for line in text.splitlines():
            assert len(line) <= 160, line
            if line.strip() != own_link:
                assert links_in(line) == [], line
            assert MARK not in line or line.startswith("> "), line
        assert not text.startswith("> ")

        page = Reader(part(message, "html"))
        assert page.links == ([] if own_link is None else [own_link])
        assert not page.elements & {"script", "img", "iframe", "form", "link", "object"}
        for shown, around in page.texts:
            assert links_in(shown) == [], shown
            # The title is the subject.
            assert MARK not in shown or around[-1] in {"blockquote", "title"}, shown
        # The opening words, which lists of mails show next to the subject.
        opening = next(shown for shown, around in page.texts if "body" in around)
        assert MARK not in opening


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_quotation_follows_words_that_say_whose_it_is(case: Case) -> None:
    for sample in hostile_samples(case, MARK):
        message = mailed(case, sample)
        paragraphs = part(message, "plain").split("\n\n")
        for number, paragraph in enumerate(paragraphs):
            assert not paragraph.startswith("> ") or paragraphs[number - 1].endswith(":")
        seen = [text for text, _ in Reader(part(message, "html")).texts]
        for number, text in enumerate(seen):
            assert number == 0 or text != MARK or seen[number - 1].endswith(":")


def test_mails_about_accounts_have_no_text_of_users() -> None:
    """Attackers register addresses of others with any name, and administrators invite with any name."""
    assert [str(case) for case in cases() if "auth" in case.module and user_variables(case)] == []


@pytest.mark.parametrize("case", cases(), ids=str)
def test_its_samples_render_every_branch_of_a_template(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken branch of a team's own file must be found at the start, not when a mail is due."""
    marks: set[str] = set()
    parse = ImmutableSandboxedEnvironment._parse

    def marked(
        self: ImmutableSandboxedEnvironment, source: str, name: str | None, filename: str | None
    ) -> nodes.Template:
        tree = parse(self, source, name, filename)
        for number, node in enumerate(tree.find_all(nodes.If)):
            for branch, body in (("then", node.body), ("else", node.else_)):
                # What is in parts.html belongs to no mail: the templates that use it have the branches.
                if name != "parts.html" and not (branch == "else" and node.elif_):
                    marks.add(mark := f"\x02{name} {number} {branch}\x03")
                    body.insert(0, nodes.Output([nodes.TemplateData(mark)], lineno=node.lineno))
        return tree

    monkeypatch.setattr(ImmutableSandboxedEnvironment, "_parse", marked)
    folder = modules()[case.module]
    templates = MailTemplates(
        case.module.rpartition(".")[0], [case.template], SETTINGS, folder=folder.name
    )  # compiled anew
    monkeypatch.setattr("doorward_mail.content.templates.one_line", lambda text: text)
    rendered = [templates.render(case.template.name, "en", sample) for sample in case.template.samples]
    shown = "".join(content.subject + content.text + content.html for content in rendered)
    assert {mark for mark in marks if mark not in shown} == set()
