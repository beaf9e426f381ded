"""A request as pages see it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import Depends, Request

from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.pages.frame.continuation import FIELD, Continuation
from doorward_auth.pages.frame.site import DEVICE_COOKIE, LANGUAGE_COOKIE, PageSite
from doorward_auth.request_source import RequestSource
from doorward_auth.sessions.dependencies import CurrentSource
from doorward_client.errors import DoorwardError
from doorward_kit.dependencies import provide
from doorward_kit.forms import CrossSiteFormError, read_form
from doorward_ui.form_protection import FIELD as FORM_CODE
from doorward_ui.languages import choose

LANGUAGE_PARAMETER: Final = "lang"
MAX_DEVICE_TOKEN: Final = 128

OTHER_BUTTONS: Final = {"/auth/login/upstream": "/auth/login"}
"""Where further buttons of a form lead, and the form: it has one box to stay signed in, and one code."""

Site = Annotated[PageSite, provide(PageSite)]


class PagesNotConfiguredError(DoorwardError):
    """404: without its public URL the installation has no pages."""

    status = 404
    code = "pages_not_configured"
    detail = "The pages are off. Set DOORWARD_PUBLIC_URL to turn them on."


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor of a page: the browser, its session, and the location after the page."""

    request: Request
    fields: Mapping[str, str]
    """Fields of the form that was sent; empty for a GET."""
    is_own_form: bool
    """Whether the form that was sent is one of our pages, shown to this browser."""
    language: str
    browser: str
    source: RequestSource
    device_token: str | None
    session_token: BrowserSessionToken | None
    continuation: Continuation

    @property
    def path(self) -> str:
        """The path of the request."""
        return self.request.url.path


async def _visitor(request: Request, site: Site, source: CurrentSource) -> Visitor:
    """Read a request; raises PagesNotConfiguredError, InvalidFormError and HTTPException (415)."""
    if not site.is_on:
        raise PagesNotConfiguredError
    fields: Mapping[str, str] = {}
    is_own = True
    if request.method == "POST":
        try:
            fields = (await read_form(request)).fields
        except CrossSiteFormError:
            is_own = False
        form = OTHER_BUTTONS.get(request.url.path, request.url.path)
        is_own = is_own and site.forms.is_own(request, form, fields.get(FORM_CODE, ""))
    query = request.query_params
    continuation = Continuation.parse(fields.get(FIELD) or query.get(FIELD))
    device_token = site.cookies.get(request, DEVICE_COOKIE)
    browser = site.forms.browser_of(request)
    return Visitor(
        request=request,
        fields=fields,
        is_own_form=is_own,
        language=language_of(site, request, continuation),
        browser=browser,
        source=replace(source, browser=browser),
        device_token=device_token if device_token and len(device_token) <= MAX_DEVICE_TOKEN else None,
        session_token=BrowserSessionCookie(site.is_secure).read(request.cookies),
        continuation=continuation,
    )


def language_of(site: PageSite, request: Request, continuation: Continuation) -> str:
    """Return the language of a page: a choice of the user comes before the application's wish."""
    query = request.query_params
    return choose(
        f"{query.get(LANGUAGE_PARAMETER, '')} {site.cookies.get(request, LANGUAGE_COOKIE) or ''}",
        f"{query.get('ui_locales', '')} {continuation.parameter('ui_locales')}",
        request.headers.get("accept-language", ""),
    )


CurrentVisitor = Annotated[Visitor, Depends(_visitor)]
