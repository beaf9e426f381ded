"""Templates: what a mail says, shipped by a service and replaced file by file by a team.

A mail called `welcome` is three files in each language's folder: `en/welcome.subject.txt`,
`en/welcome.txt` and `en/welcome.html`, which extends `layout.html` (see layouts/). A language counts
for a mail when all three are there, so no mail speaks two of them. Every template knows `product` and
`locale`; `| one_line` is for what people have chosen themselves.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

import sqlalchemy as sa
import structlog
from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from doorward_client.settings import SettingsError
from doorward_mail.content import Texts, one_line
from doorward_mail.outbox_queries import LeasedMail
from doorward_mail.settings import MailSettings

log = structlog.get_logger(__name__)

LAST_LOCALE: Final = "en"
"""The language that every template is shipped in."""

_PARTS: Final = (".subject.txt", ".txt", ".html")
_SHARED: Final = frozenset({"layout.html", "parts.html"})
_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


class Verdict(Enum):
    """What a `prepare` hook may say instead of variables."""

    DROP = "drop"


DROP: Final = Verdict.DROP
"""Nobody is to get this mail: its row goes as that of a sent one does."""

Prepare = Callable[[sa.Connection, LeasedMail], Mapping[str, Any] | Literal[Verdict.DROP]]
"""Runs in a transaction just before each attempt, so a retry makes a new code. It may store the code's
hash and return the code as a variable, and may run twice, as any unit of work."""


FindAddress = Callable[[LeasedMail], Awaitable[LeasedMail | Literal[Verdict.DROP]]]
"""Runs just before each attempt, before `prepare`: the mail with its recipient, and what else is to be known
of them among its parameters. Raises UnavailableError when nobody can tell now: then all mail waits."""


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """A kind of mail: `sample` are variables that it can be tried with, those of `prepare` too."""

    name: str
    sample: Mapping[str, Any]
    prepare: Prepare | None = None


class UnknownTemplateError(LookupError):
    """No such mail in this release; another replica's may know it."""


class MailTemplates:
    """The mails that a service sends, from `folder` of its `package` and from the team's own folder.

    Sandboxed: who may write a mail's text need not be somebody who may run code beside a signing
    key. A variable that is not there is an error, not a gap in a sentence.
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
        loaders = [PackageLoader(package, folder), PackageLoader("doorward_mail", "layouts")]
        # Followed links: what Kubernetes mounts from a ConfigMap is links, folders included.
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
        self._environment.filters["one_line"] = one_line
        self._environment.globals["product"] = settings.mail_from_name
        self._templates = {template.name: template for template in templates}
        self._files = frozenset(self._environment.list_templates())
        self._own_files = frozenset(file for loader in override for file in loader.list_templates())
        self._default_locale = settings.mail_default_locale

    def find(self, name: str) -> MailTemplate:
        """Return a kind of mail; raises UnknownTemplateError."""
        try:
            return self._templates[name]
        except KeyError:
            raise UnknownTemplateError(name) from None

    def render(self, name: str, locale: str, variables: Mapping[str, Any]) -> Texts:
        """Write a mail in the closest language there is.

        Raises UnknownTemplateError, or what a broken template raises.
        """
        if name not in self._templates:
            raise UnknownTemplateError(name)
        return self._render(name, self._closest(name, locale), variables)

    def check(self) -> None:
        """Try every mail in every language with its sample; raises SettingsError for the first that fails.

        A file of the team's that no mail has any use for is logged: most likely its name is wrong.
        """
        for template in self._templates.values():
            for locale in sorted({LAST_LOCALE, *self._locales_of(template.name)}):
                self._try(template, locale)
        used = {*_SHARED, *(file for name in self._templates for file in self._files_of(name))}
        for file in sorted(self._own_files - used):
            if not file.startswith(".."):  # where Kubernetes keeps what its links lead to
                log.warning("mail.template_unused", file=file)

    def _try(self, template: MailTemplate, locale: str) -> None:
        missing = [part for part in _PARTS if f"{locale}/{template.name}{part}" not in self._files]
        if missing:
            raise SettingsError(
                f"the mail {template.name} is not whole in {locale}: {', '.join(missing)} missing"
            )
        try:
            texts = self._render(template.name, locale, template.sample)
        except Exception as error:  # noqa: BLE001 - a template can fail in any way
            where = "DOORWARD_MAIL_TEMPLATES_DIR: " if self._is_own(template.name, locale) else ""
            reason = one_line(str(error)) or type(error).__name__
            raise SettingsError(
                f"{where}the mail {template.name} cannot be written in {locale}: {reason}"
            ) from None
        if not (texts.subject and texts.text.strip() and texts.html.strip()):
            raise SettingsError(f"the mail {template.name} has a part in {locale} that is empty")

    def _render(self, name: str, locale: str, variables: Mapping[str, Any]) -> Texts:
        def part(suffix: str, **more: str) -> str:
            template = self._environment.get_template(f"{locale}/{name}{suffix}")
            return template.render({**variables, **more}, locale=locale)

        subject = one_line(part(".subject.txt"))
        return Texts(subject, part(".txt") + "\n", part(".html", subject=subject) + "\n")

    def _closest(self, name: str, locale: str) -> str:
        for candidate in (*_lineage(locale), *_lineage(self._default_locale)):
            if all(f"{candidate}/{name}{part}" in self._files for part in _PARTS):
                return candidate
        return LAST_LOCALE

    def _files_of(self, name: str) -> Iterator[str]:
        return (file for file in self._files if file.partition("/")[2] in {name + part for part in _PARTS})

    def _locales_of(self, name: str) -> set[str]:
        return {file.partition("/")[0] for file in self._files_of(name)}

    def _is_own(self, name: str, locale: str) -> bool:
        return bool(_SHARED & self._own_files) or any(
            f"{locale}/{name}{part}" in self._own_files for part in _PARTS
        )


def _lineage(locale: str) -> Iterator[str]:
    """Give a language tag and its wider ones (de-AT, de), spelled as folders are; nothing for no tag."""
    tag = locale.replace("_", "-")
    if not _LOCALE.fullmatch(tag):
        return
    subtags = [_spelled(number, subtag) for number, subtag in enumerate(tag.split("-"))]
    while subtags:
        yield "-".join(subtags)
        subtags.pop()


def _spelled(position: int, subtag: str) -> str:
    """Spell a subtag as RFC 5646 section 2.1.1 recommends: zh-Hant-TW."""
    if position and len(subtag) == 2:  # noqa: PLR2004 - a region's length
        return subtag.upper()
    if position and len(subtag) == 4:  # noqa: PLR2004 - a script's length
        return subtag.title()
    return subtag.lower()
