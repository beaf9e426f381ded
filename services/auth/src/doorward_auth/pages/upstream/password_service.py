"""The page that takes the password of an upstream's account. Its rules are PasswordLogins'."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.pages.frame.form_errors import FormErrors
from doorward_auth.pages.frame.forms import FormPage, Forms
from doorward_auth.pages.frame.site import DEVICE_COOKIE, PageSite
from doorward_auth.pages.frame.visitor import MAX_DEVICE_TOKEN, Visitor
from doorward_auth.pages.sign_in.browser_sign_in import BrowserSignIn
from doorward_auth.pages.sign_in.schemas import REMEMBER
from doorward_auth.pages.sign_in.service import PASSWORD_PATH
from doorward_auth.pages.upstream.schemas import EmailLoginForm, PasswordForm, UsernameLoginForm
from doorward_auth.password_check.errors import InvalidCredentialsError
from doorward_auth.upstream.errors import UpstreamNotFoundError
from doorward_auth.upstream.logins.password_login import PasswordLogins

_TEMPLATE: Final = "upstream_password.html"


class UpstreamPasswordPages:
    """Shows the form of each upstream that takes passwords, and takes it."""

    def __init__(
        self,
        site: PageSite,
        forms: Forms,
        logins: PasswordLogins,
        end: BrowserSignIn,
        titles: Mapping[str, str],
    ) -> None:
        self._site = site
        self._forms = forms
        self._logins = logins
        self._end = end
        self._titles = titles
        self._pages = {name: _form_of(name, field) for name, field in logins.login_fields().items()}

    def show(self, visitor: Visitor, name: str) -> Response:
        """Return the form; raises UpstreamNotFoundError. The application's hint fills in the name."""
        page = self._page(name)
        hint = visitor.continuation.parameter("login_hint")[:320]
        return self._forms.show(
            visitor, page, values={page.shown[0]: hint}, variables=self._variables(name, page)
        )

    async def log_in(self, visitor: Visitor, name: str) -> Response:
        """Take the password; raises UpstreamNotFoundError."""
        page = self._page(name)
        # A device is known at each upstream by a token of its own.
        cookie = f"{DEVICE_COOKIE}_{name}"
        device_token = self._site.cookies.get(visitor.request, cookie)
        if device_token is not None and len(device_token) > MAX_DEVICE_TOKEN:
            device_token = None

        async def work(body: PasswordForm, _captcha: CaptchaToken) -> Response:
            open_session = self._end.upstream_opener(visitor, is_remembered=body.remember is not None)
            try:
                opened = await self._logins.log_in_with(name, body.request(), visitor.source, open_session)
            except InvalidCredentialsError as error:
                texts = self._site.pages.texts[visitor.language]
                problem = texts("error.upstream_credentials", name=self._titles[name])
                form_errors = FormErrors(error.status, problem=problem)
                values = {field: visitor.fields.get(field, "")[:320] for field in page.shown}
                return self._forms.show(
                    visitor,
                    page,
                    values=values,
                    form_errors=form_errors,
                    variables=self._variables(name, page),
                )
            return self._end.signed_in(visitor, opened, cookie)

        return await self._forms.submit(
            visitor,
            page,
            work,
            variables=self._variables(name, page),
            extra={"device_token": device_token},
        )

    def _page(self, name: str) -> FormPage[PasswordForm]:
        page = self._pages.get(name)
        if page is None:
            raise UpstreamNotFoundError
        return page

    def _variables(self, name: str, page: FormPage[PasswordForm]) -> Mapping[str, Any]:
        return {"upstream": self._titles[name], "login_by": page.shown[0]}


def _form_of(name: str, field: str) -> FormPage[PasswordForm]:
    model: type[PasswordForm] = EmailLoginForm if field == "email" else UsernameLoginForm
    return FormPage(_TEMPLATE, f"{PASSWORD_PATH}/{name}", model, shown=(field, REMEMBER))
