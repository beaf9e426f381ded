"""Templates of mails: shipped by a service, and replaced file by file by a team.

A mail called `welcome` is three files in each language's folder: `en/welcome.subject.txt`,
`en/welcome.txt` and `en/welcome.html`, which extends `layout.html` (see layouts/). A language is available
for a mail when all three files exist, so that no mail mixes languages. Every template has the variables
`product` and `locale`.

Variables are text of users, unless a `prepare` hook says otherwise with TrustedText: they reach a template as
one line, shortened, and defused (quoting). A mail quotes them: `{{ ticket | quote }}` in plain text,
`{{ quotation("Its subject:", ticket) }}` of parts.html in HTML, and `{{ ticket | quoted }}` in a subject,
after words of the template's own.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
import structlog
from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from doorward_client.settings import SettingsError
from doorward_mail.content.message import MailContent
from doorward_mail.content.quoting import TrustedText, one_line, quote, quoted, user_text
from doorward_mail.outbox.leases import LeasedMail
from doorward_mail.settings import MailSettings

log = structlog.get_logger(__name__)

FALLBACK_LOCALE: Final = "en"
"""The language that every template is shipped in."""

_PARTS: Final = (".subject.txt", ".txt", ".html")
_LAYOUT_FILES: Final = frozenset({"layout.html", "parts.html"})
_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


Variables = Mapping[str, Any]
"""Variables of a template, in addition to the mail's parameters."""

Prepare = Callable[[sa.Connection, LeasedMail], Variables | None]
"""Runs in a transaction just before each attempt, and may return a code as a variable (TrustedText), the same
for each attempt. It may run twice, like any unit of work. None skips the mail: its row is deleted, and
nothing is sent."""

Conversation = Callable[[Variables], str]
"""Returns from a mail's parameters the name of its conversation: ASCII letters, digits and hyphens. Mail
programs show a conversation as one if its mails have one subject, too."""


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A kind of mail.

    `samples` are its variables, those of `prepare` too, to check the files with: one or more, so that each
    branch of the files is rendered. Without `conversation` each mail stands for itself.
    """

    name: str
    samples: Sequence[Variables]
    prepare: Prepare | None = None
    conversation: Conversation | None = None


class UnknownTemplateError(LookupError):
    """This release has no such template; a newer release may have it."""


class MailTemplates:
    """The templates of a service, from `folder` of its `package` and from the team's own folder.

    The environment is sandboxed, because authors of mail texts must not run code in a process that has a
    signing key. A missing variable is an error, not a gap in a sentence.
    """

    def __init__(
        self,
        package: str,
        templates: Sequence[MailTemplate],
        settings: MailSettings,
        *,
        folder: str = "mail",
    ) -> None:
        own = settings.mail_templates_dir
        loaders = [PackageLoader(package, folder), PackageLoader("doorward_mail.content", "layouts")]
        # With links: Kubernetes mounts a ConfigMap as links, folders included.
        override = [] if own is None else [FileSystemLoader(own, followlinks=True)]
        self._environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([*override, *loaders]),
            autoescape=select_autoescape(
                enabled_extensions=("html",), disabled_extensions=("txt",), default=True
            ),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {"quote": quote, "quoted": quoted}
        self._environment.globals["product"] = settings.mail_from_name
        self._templates = {template.name: template for template in templates}
        self._files = frozenset(self._environment.list_templates())
        self._shipped_files = frozenset(file for loader in loaders for file in loader.list_templates())
        self._own_files = frozenset(file for loader in override for file in loader.list_templates())
        self._default_locale = settings.mail_default_locale

    def find(self, name: str) -> MailTemplate:
        """Return a template; raises UnknownTemplateError."""
        try:
            return self._templates[name]
        except KeyError:
            raise UnknownTemplateError(name) from None

    def render(self, name: str, locale: str, variables: Variables) -> MailContent:
        """Render a mail in the closest available language.

        Raises UnknownTemplateError, or any error of a broken template.
        """
        conversation = self.find(name).conversation
        content = self._render(name, self._closest(name, locale), variables)
        return content if conversation is None else replace(content, conversation=conversation(variables))

    def check(self) -> None:
        """Render every mail in every language with its samples; raises SettingsError for the first failure.

        Logs a file of the team's folder that no mail uses: its name is probably wrong.
        """
        for template in self._templates.values():
            for locale in sorted({FALLBACK_LOCALE, *self._locales_of(template.name)}):
                self._check(template, locale)
        used = self._shipped_files.union(*(self._files_of(name) for name in self._templates))
        for file in sorted(self._own_files - used):
            if not file.startswith(".."):  # the targets of the links of Kubernetes
                log.warning("mail.template_unused", file=file)

    def _check(self, template: MailTemplate, locale: str) -> None:
        missing = [part for part in _PARTS if f"{locale}/{template.name}{part}" not in self._files]
        if missing:
            raise SettingsError(
                f"the mail {template.name} is incomplete in {locale}: {', '.join(missing)} missing"
            )
        for sample in template.samples:
            try:
                content = self._render(template.name, locale, sample)
            except Exception as error:  # noqa: BLE001 - a template can fail in any way
                where = "DOORWARD_MAIL_TEMPLATES_DIR: " if self._is_own(template.name, locale) else ""
                reason = one_line(str(error)) or type(error).__name__
                raise SettingsError(
                    f"{where}the mail {template.name} cannot be rendered in {locale}: {reason}"
                ) from None
            if not (content.subject and content.text.strip() and content.html.strip()):
                raise SettingsError(f"the mail {template.name} has an empty part in {locale}")

    def _render(self, name: str, locale: str, variables: Variables) -> MailContent:
        shown = {key: _template_value(value) for key, value in variables.items()}

        def part(suffix: str, **more: str) -> str:
            template = self._environment.get_template(f"{locale}/{name}{suffix}")
            return template.render({**shown, **more}, locale=locale)

        subject = one_line(part(".subject.txt"))
        return MailContent(subject, part(".txt") + "\n", part(".html", subject=subject) + "\n")

    def _closest(self, name: str, locale: str) -> str:
        for candidate in (*_lineage(locale), *_lineage(self._default_locale)):
            if all(f"{candidate}/{name}{part}" in self._files for part in _PARTS):
                return candidate
        return FALLBACK_LOCALE

    def _files_of(self, name: str) -> Iterator[str]:
        return (file for file in self._files if file.partition("/")[2] in {name + part for part in _PARTS})

    def _locales_of(self, name: str) -> set[str]:
        return {file.partition("/")[0] for file in self._files_of(name)}

    def _is_own(self, name: str, locale: str) -> bool:
        return bool(_LAYOUT_FILES & self._own_files) or any(
            f"{locale}/{name}{part}" in self._own_files for part in _PARTS
        )


def _template_value(value: object) -> object:
    """Return a variable as templates get it; raises TypeError for what is neither text nor a number."""
    if value is None or isinstance(value, (bool, int, float, TrustedText)):
        return value
    if isinstance(value, str):
        return user_text(value)
    raise TypeError(f"a variable is text or a number, not {type(value).__name__}")


def _lineage(locale: str) -> Iterator[str]:
    """Yield a language tag and its parents (de-AT, de) as folders spell them; nothing for an invalid tag."""
    tag = locale.replace("_", "-")
    if not _LOCALE.fullmatch(tag):
        return
    subtags = [_normalize_subtag(number, subtag) for number, subtag in enumerate(tag.split("-"))]
    while subtags:
        yield "-".join(subtags)
        subtags.pop()


def _normalize_subtag(position: int, subtag: str) -> str:
    """Return a subtag in the case that RFC 5646 section 2.1.1 recommends: zh-Hant-TW."""
    if position and len(subtag) == 2:  # noqa: PLR2004 - a region's length
        return subtag.upper()
    if position and len(subtag) == 4:  # noqa: PLR2004 - a script's length
        return subtag.title()
    return subtag.lower()
