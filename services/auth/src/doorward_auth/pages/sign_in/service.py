"""The pages of a sign-in. Its rules are those of the API (SignInFlow); it opens a session of the browser."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from doorward_auth.browser_sessions.service import OpenedBrowserSession
from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.pages.frame.form_errors import FormErrors, form_errors_of
from doorward_auth.pages.frame.forms import FormPage, Forms
from doorward_auth.pages.frame.site import PageSite
from doorward_auth.pages.frame.visitor import Visitor
from doorward_auth.pages.sign_in.browser_sign_in import BrowserSignIn
from doorward_auth.pages.sign_in.schemas import REMEMBER, EmailCodeForm, LoginForm, NewPasswordForm
from doorward_auth.password_check.errors import EmailNotVerifiedError
from doorward_auth.sign_in.errors import InvalidSignInTokenError, PasswordChangeRequiredError
from doorward_auth.sign_in.flow import OpenSession, SignInFlow
from doorward_auth.upstream.redirects.service import PAGE_PATH

LOGIN: Final = FormPage("login.html", "/auth/login", LoginForm, shown=("email", REMEMBER))
EMAIL_CODE: Final = FormPage(
    "email_code.html",
    "/auth/login/email-code",
    EmailCodeForm,
    shown=("pin",),
    hidden=("sign_in_token", REMEMBER),
    field_of_code={"invalid_code": "pin"},
)
NEW_PASSWORD: Final = FormPage(
    "new_password.html", "/auth/login/new-password", NewPasswordForm, hidden=("sign_in_token", REMEMBER)
)

PASSWORD_PATH: Final = "/auth/login/password"  # noqa: S105 - a path, not a secret
"""Path of the login pages of upstreams that take passwords."""

NOTICES: Final = frozenset({"registered", "invited", "reset", "signed-out"})
"""The messages that another page may show on the login page."""


@dataclass(frozen=True, slots=True)
class SignInOptions:
    """The options of the login page besides the password: registration, a code by mail, upstreams."""

    can_register: bool
    has_mail: bool
    upstreams: Mapping[str, str]
    """Titles by name."""
    password_upstreams: Collection[str]
    """The part of `upstreams` that takes the password from us."""


class SignInPages:
    """Shows the login and its further steps, and takes them."""

    def __init__(
        self,
        site: PageSite,
        forms: Forms,
        flow: SignInFlow,
        sessions: BrowserSignIn,
        options: SignInOptions,
    ) -> None:
        self._site = site
        self._forms = forms
        self._flow = flow
        self._sessions = sessions
        self._options = options

    def show(self, visitor: Visitor, problem: str | None = None) -> Response:
        """Return the login page; the application's hint fills in the address."""
        hint = visitor.continuation.parameter("login_hint") or visitor.request.query_params.get("email", "")
        return self._forms.show(
            visitor,
            LOGIN,
            values={"email": hint[:320]},
            form_errors=None if problem is None else FormErrors(403, problem=problem),
            variables=self._variables(visitor),
        )

    async def check_password(self, visitor: Visitor) -> Response:
        """Take the password."""

        async def work(body: LoginForm, captcha: CaptchaToken) -> Response:
            return await self._continue_sign_in(
                visitor,
                body.remember,
                lambda open_session: self._flow.check_password(
                    body.email,
                    body.password.get_secret_value(),
                    visitor.device_token,
                    captcha,
                    visitor.source,
                    open_session,
                ),
            )

        return await self._forms.submit(visitor, LOGIN, work, variables=self._variables(visitor))

    async def verify_email(self, visitor: Visitor) -> Response:
        """Take the code that was mailed to an unproven address."""

        async def work(body: EmailCodeForm, _captcha: CaptchaToken) -> Response:
            token, pin = body.sign_in_token.get_secret_value(), body.pin.get_secret_value()
            return await self._continue_sign_in(
                visitor,
                body.remember,
                lambda open_session: self._flow.verify_email(token, pin, visitor.source, open_session),
            )

        return await self._forms.submit(visitor, EMAIL_CODE, work)

    async def set_password(self, visitor: Visitor) -> Response:
        """Take a new password in place of a temporary one."""

        async def work(body: NewPasswordForm, _captcha: CaptchaToken) -> Response:
            token, password = body.sign_in_token.get_secret_value(), body.new_password.get_secret_value()
            return await self._continue_sign_in(
                visitor,
                body.remember,
                lambda open_session: self._flow.set_password(token, password, visitor.source, open_session),
            )

        return await self._forms.submit(visitor, NEW_PASSWORD, work)

    def _variables(self, visitor: Visitor) -> Mapping[str, Any]:
        notice = visitor.request.query_params.get("done", "")
        return {
            "can_register": self._options.can_register,
            "has_mail": self._options.has_mail,
            "notice": notice if notice in NOTICES else None,
            "upstreams": [
                self._upstream(visitor, name, title) for name, title in self._options.upstreams.items()
            ],
        }

    def _upstream(self, visitor: Visitor, name: str, title: str) -> Mapping[str, Any]:
        """Describe a button: a link to the page that takes the password, or a button of the form."""
        takes_password = name in self._options.password_upstreams
        link = visitor.continuation.link(f"{PASSWORD_PATH}/{name}") if takes_password else None
        return {"name": name, "title": title, "link": link, "action": PAGE_PATH}

    async def _continue_sign_in(
        self,
        visitor: Visitor,
        remember: str | None,
        step: Callable[[OpenSession[OpenedBrowserSession]], Awaitable[OpenedBrowserSession]],
    ) -> Response:
        """Take a step; return the page of the next one, or the redirect to the application."""
        carried = {} if remember is None else {REMEMBER: remember}
        try:
            opened = await step(self._sessions.opener(visitor, is_remembered=remember is not None))
        except EmailNotVerifiedError as needed:
            token = needed.extensions.get("sign_in_token", "")
            return self._forms.show(visitor, EMAIL_CODE, hidden={"sign_in_token": token, **carried})
        except PasswordChangeRequiredError as needed:
            token = needed.extensions["sign_in_token"]
            return self._forms.show(visitor, NEW_PASSWORD, hidden={"sign_in_token": token, **carried})
        except InvalidSignInTokenError as error:
            # The step cannot be repeated: the login begins anew, for the same application.
            return self._forms.show(
                visitor,
                LOGIN,
                form_errors=self._form_errors(visitor, error),
                variables=self._variables(visitor),
            )
        return self._sessions.signed_in(visitor, opened)

    def _form_errors(self, visitor: Visitor, error: InvalidSignInTokenError) -> FormErrors:
        return form_errors_of(error, self._site.pages.texts[visitor.language], {})
