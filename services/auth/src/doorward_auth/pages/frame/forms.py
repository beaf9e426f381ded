"""Showing forms, taking them, and showing them again with what is wrong."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.pages.frame.continuation import Continuation
from doorward_auth.pages.frame.form_errors import FormErrors, form_errors_of, form_errors_of_validation
from doorward_auth.pages.frame.site import LANGUAGE_COOKIE, YEAR_SECONDS, CaptchaWidget, PageSite
from doorward_auth.pages.frame.visitor import LANGUAGE_PARAMETER, Visitor
from doorward_client.errors import DoorwardError
from doorward_ui.pages import LanguageLink

M = TypeVar("M", bound=BaseModel)

_CAPTCHA_FIELDS: Final = ("cf-turnstile-response", "h-captcha-response", "g-recaptcha-response")
_CAPTCHA_CODES: Final = frozenset({"captcha_required", "captcha_failed"})
_MAX_SHOWN: Final = 1024
"""Characters of a value that is shown again: a longer one is no name and no address."""


@dataclass(frozen=True, slots=True)
class FormPage(Generic[M]):
    """A page with a form.

    `shown` are the fields that are filled in when the form is shown again: never a password. `hidden` are
    fields that the page carries on. `field_of_code` names the field of an error that is of one.
    """

    template: str
    action: str
    model: type[M]
    shown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    field_of_code: Mapping[str, str] = field(default_factory=dict)
    has_captcha: bool = False
    """Whether the form is shown with a captcha from the start."""


@dataclass(frozen=True, slots=True)
class ShownForm:
    """A form as templates get it."""

    action: str
    code: str
    values: Mapping[str, str]
    hidden: Mapping[str, str]
    captcha: str | None
    problem: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)


class Forms:
    """Shows pages with forms and without."""

    def __init__(self, site: PageSite) -> None:
        self._site = site

    def page(
        self,
        visitor: Visitor,
        template: str,
        variables: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        widget: CaptchaWidget | None = None,
    ) -> Response:
        """Return a page, with the cookies that its forms need."""
        response = self._site.pages.render(
            template,
            visitor.language,
            variables or {},
            status=status,
            language_links=self._language_links(visitor),
            widget_url=None if widget is None else widget.script_url,
            headers=headers,
        )
        self._site.forms.remember(response, visitor.request, visitor.browser)
        if LANGUAGE_PARAMETER in visitor.request.query_params:
            self._site.cookies.set(response, LANGUAGE_COOKIE, visitor.language, seconds=YEAR_SECONDS)
        return response

    def show(  # noqa: PLR0913 - what a form shows
        self,
        visitor: Visitor,
        form: FormPage[M],
        *,
        values: Mapping[str, str] | None = None,
        hidden: Mapping[str, str] | None = None,
        form_errors: FormErrors | None = None,
        variables: Mapping[str, Any] | None = None,
        asks_captcha: bool = False,
    ) -> Response:
        """Return a page with its form."""
        widget = self._site.captcha if form.has_captcha or asks_captcha else None
        problem, errors = (None, {}) if form_errors is None else (form_errors.problem, form_errors.errors)
        shown = ShownForm(
            action=form.action,
            code=self._site.forms.code(visitor.browser, form.action),
            values=values or {},
            hidden={**visitor.continuation.fields(), **(hidden or {})},
            captcha=None if widget is None else widget.site_key,
            problem=problem,
            errors=errors,
        )
        return self.page(
            visitor,
            form.template,
            {
                "form": shown,
                "go_on": visitor.continuation.link,
                "has_errors": form_errors is not None,
                **(variables or {}),
            },
            status=200 if form_errors is None else form_errors.status,
            headers={} if form_errors is None else form_errors.headers,
            widget=widget,
        )

    def button(self, visitor: Visitor, action: str, hidden: Mapping[str, str] | None = None) -> ShownForm:
        """Return a form that is only a button."""
        code = self._site.forms.code(visitor.browser, action)
        return ShownForm(action=action, code=code, values={}, hidden=hidden or {}, captcha=None)

    def errors_of_foreign_form(self, visitor: Visitor) -> FormErrors | None:
        """Return what to say about a form that is none of ours, or not of this browser; None for ours."""
        if visitor.is_own_form:
            return None
        return FormErrors(403, problem=self._site.pages.texts[visitor.language]("error.foreign_form"))

    def redirect(self, visitor: Visitor, target: str, *, title: str = "redirect.title") -> Response:
        """Redirect to a page of ours. An endpoint that redirects to another site gets a page in between.

        Browsers apply `form-action` of the policy to all redirects that follow a form. `title` is the key of
        what that page says.
        """
        if visitor.request.method == "POST" and Continuation(target).leads_to_client:
            return self.page(visitor, "redirect.html", {"target": target, "title": title})
        return RedirectResponse(target, status_code=303)

    async def submit(
        self,
        visitor: Visitor,
        form: FormPage[M],
        work: Callable[[M, CaptchaToken], Awaitable[Response]],
        *,
        variables: Mapping[str, Any] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> Response:
        """Check what was sent and do `work` with it; show the form again with what is wrong.

        `extra` are fields that come from elsewhere, such as a cookie: not from the form, even if None.
        """
        texts = self._site.pages.texts[visitor.language]
        form_errors = self.errors_of_foreign_form(visitor)
        asks_captcha = False
        try:
            if form_errors is None:
                return await work(_validated(form.model, visitor.fields, extra or {}), _captcha_of(visitor))
        except ValidationError as error:
            form_errors = form_errors_of_validation(error, texts)
        except DoorwardError as error:
            form_errors = form_errors_of(error, texts, form.field_of_code)
            asks_captcha = error.code in _CAPTCHA_CODES
        return self.show(
            visitor,
            form,
            values=_values_to_refill(visitor, form.shown),
            hidden=_values_to_refill(visitor, form.hidden),
            form_errors=form_errors,
            variables=variables,
            asks_captcha=asks_captcha,
        )

    @staticmethod
    def _language_links(visitor: Visitor) -> list[LanguageLink]:
        if visitor.request.method != "GET":
            return []
        query = {
            name: value for name, value in visitor.request.query_params.items() if name != LANGUAGE_PARAMETER
        }
        return [
            LanguageLink(
                language, name, f"{visitor.path}?{urlencode({**query, LANGUAGE_PARAMETER: language})}"
            )
            for language, name in (("en", "English"), ("de", "Deutsch"))
        ]


def _validated(model: type[M], fields: Mapping[str, str], extra: Mapping[str, object]) -> M:
    """Validate the fields of a model; an empty one counts as left out. Raises ValidationError."""
    filled = {name: fields[name] for name in model.model_fields if fields.get(name)}
    return model.model_validate({**filled, **extra})


def _values_to_refill(visitor: Visitor, names: tuple[str, ...]) -> dict[str, str]:
    # A form of another site fills nothing in.
    if not visitor.is_own_form and visitor.request.headers.get("sec-fetch-site") == "cross-site":
        return {}
    return {name: visitor.fields[name][:_MAX_SHOWN] for name in names if name in visitor.fields}


def _captcha_of(visitor: Visitor) -> CaptchaToken:
    tokens = (visitor.fields.get(name) for name in _CAPTCHA_FIELDS)
    return CaptchaToken(next((token for token in tokens if token), None))
