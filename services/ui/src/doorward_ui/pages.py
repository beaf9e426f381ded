"""Renders pages. A template that names an unknown variable or text is an error, not a gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from doorward_client.settings import SettingsError
from doorward_ui.assets import Assets
from doorward_ui.policy import page_headers
from doorward_ui.texts import Texts, load_texts
from doorward_ui.theme import Theme

_LINKS: Final = ("terms", "privacy", "support")
_LINK_SCHEMES: Final = ("https://", "http://", "mailto:", "/")


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """A link to the same page in another language."""

    language: str
    name: str
    url: str


class Pages:
    """The pages of one service: its own templates and texts, with the frame that all services share.

    `package` has the folders `templates` and `texts`. `prefix` is the path of static files, and `product` the
    name of the installation.
    """

    def __init__(self, package: str, theme: Theme, *, prefix: str, product: str) -> None:
        self.assets: Final = Assets(theme.files, prefix=prefix)
        folders = [files("doorward_ui") / "texts", files(package) / "texts"]
        self.texts: Final[Mapping[str, Texts]] = load_texts(folders, theme.folder)
        self._environment = Environment(
            loader=ChoiceLoader(
                [PackageLoader(package, "templates"), PackageLoader("doorward_ui", "templates")]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= {
            "product": product,
            "asset": self.assets.url,
            "has_theme": self.assets.has("theme.css"),
        }
        self._links = {language: _links(texts) for language, texts in self.texts.items()}

    def render(  # noqa: PLR0913 - what a page is made from
        self,
        template: str,
        language: str,
        variables: Mapping[str, Any],
        *,
        status: int = 200,
        language_links: Sequence[LanguageLink] = (),
        widget_url: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a page in a shipped language.

        `widget_url` is a script of another host that the page includes. Raises the errors of a broken
        template.
        """
        text = self._environment.get_template(template).render(
            t=self.texts[language],
            language_links=language_links,
            footer_links=self._links[language],
            widget_url=widget_url,
            **variables,
        )
        return HTMLResponse(
            text,
            status_code=status,
            headers={**page_headers(widget_url), "Content-Language": language, **(headers or {})},
        )


def _links(texts: Texts) -> list[tuple[str, str]]:
    """Return the names and URLs of the footer; raises SettingsError for a URL that runs code."""
    found = []
    for name in _LINKS:
        url = texts(f"link.{name}.url")
        if url and not url.startswith(_LINK_SCHEMES):
            raise SettingsError(f"DOORWARD_THEME_DIR: link.{name}.url is no URL of https, http or mailto")
        if url:
            found.append((texts(f"link.{name}"), url))
    return found
