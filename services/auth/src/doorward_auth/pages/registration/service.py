"""The pages of registration and invitation. Rules: RegistrationService, InvitationService.

A registration is bound to the browser that made it, by a cookie: the mailed code alone does not choose the
password of the account. With both, the browser is signed in, and returns to the application that it came
from.
"""

from dataclasses import replace
from typing import Final

from starlette.responses import RedirectResponse, Response

from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.known_devices import DeviceToken
from doorward_auth.pages.frame.form_errors import FormErrors, form_errors_of
from doorward_auth.pages.frame.forms import FormPage, Forms
from doorward_auth.pages.frame.site import DEVICE_COOKIE, REGISTRATION_COOKIE, YEAR_SECONDS, PageSite
from doorward_auth.pages.frame.visitor import Visitor
from doorward_auth.pages.registration.cookie import RegistrationCookie
from doorward_auth.pages.sign_in.browser_sign_in import BrowserSignIn
from doorward_auth.registration.invitations import InvitationService
from doorward_auth.registration.schemas import (
    InvitationAcceptRequest,
    RegistrationRequest,
    ResendRequest,
    VerificationRequest,
)
from doorward_auth.registration.service import PasswordRequiredError, RegistrationService

_MAX_CODE: Final = 128

VERIFY: Final = FormPage(
    "verify_email.html",
    "/auth/verify-email",
    VerificationRequest,
    shown=("code", "name"),
    field_of_code={"invalid_code": "code"},
)
INVITATION: Final = FormPage(
    "invitation.html",
    "/auth/accept-invitation",
    InvitationAcceptRequest,
    shown=("code",),
    field_of_code={"invalid_code": "code"},
)


class RegistrationPages:
    """Shows the forms of becoming a user, and takes them."""

    def __init__(  # noqa: PLR0913 - what the pages work with
        self,
        site: PageSite,
        forms: Forms,
        registrations: RegistrationService,
        invitations: InvitationService,
        end: BrowserSignIn,
        *,
        asks_captcha: bool,
        is_open: bool,
    ) -> None:
        self._site = site
        self._forms = forms
        self._registrations = registrations
        self._invitations = invitations
        self._end = end
        self._is_open = is_open
        self._register = FormPage(
            "register.html",
            "/auth/register",
            RegistrationRequest,
            shown=("email", "name"),
            has_captcha=asks_captcha,
        )
        self._resend = FormPage(
            "resend.html",
            "/auth/verify-email/resend",
            ResendRequest,
            shown=("email",),
            has_captcha=asks_captcha,
        )

    def show_register(self, visitor: Visitor) -> Response:
        """Return the form, or a page that says that registration is closed."""
        if not self._is_open:
            return self._forms.page(visitor, "closed.html", {"go_on": visitor.continuation.link}, status=403)
        return self._forms.show(visitor, self._register)

    async def register(self, visitor: Visitor) -> Response:
        """Take a registration. The answer is the same whether or not the address has an account."""

        async def work(body: RegistrationRequest, captcha: CaptchaToken) -> Response:
            token = await self._registrations.register(body, None, visitor.language, captcha)
            response = self._to_code(visitor)
            RegistrationCookie(str(token), visitor.continuation).set(response, self._site.cookies)
            return response

        return await self._forms.submit(visitor, self._register, work)

    def show_verify(self, visitor: Visitor) -> Response:
        """Return the form for the mailed code, which the mail's link fills in. It is not used up by a GET."""
        code = visitor.request.query_params.get("code", "")[:_MAX_CODE]
        registered = RegistrationCookie.read(visitor.request, self._site.cookies)
        if registered is not None and visitor.continuation.target is None:
            visitor = replace(visitor, continuation=registered.continuation)
        return self._forms.show(
            visitor,
            VERIFY,
            values={"code": code},
            variables={"needs_password": registered is None, "is_linked": bool(code)},
        )

    async def verify(self, visitor: Visitor) -> Response:
        """Take the code; the password comes from this browser's registration, or with it.

        Only the first signs in: a stranger's code and a password could be of an address of the stranger.
        """
        registered = RegistrationCookie.read(visitor.request, self._site.cookies)
        token = None if registered is None else registered.token
        variables = {"needs_password": "password" in visitor.fields or registered is None, "is_linked": False}

        async def work(body: VerificationRequest, _captcha: CaptchaToken) -> Response:
            try:
                response = await self._verified(visitor, body)
            except PasswordRequiredError as error:
                return self._forms.show(
                    visitor,
                    VERIFY,
                    values={"code": body.code.get_secret_value()},
                    form_errors=self._form_errors(visitor, error),
                    variables={"needs_password": True, "is_linked": False},
                )
            self._site.cookies.delete(response, REGISTRATION_COOKIE)
            return response

        # None, too, replaces what the form says: only the cookie tells that this browser has registered.
        extra = {"registration_token": token}
        return await self._forms.submit(visitor, VERIFY, work, variables=variables, extra=extra)

    def show_resend(self, visitor: Visitor) -> Response:
        """Return the form that asks for the mail again."""
        return self._forms.show(visitor, self._resend)

    async def resend(self, visitor: Visitor) -> Response:
        """Mail the code again, if there is something to verify."""

        async def work(body: ResendRequest, captcha: CaptchaToken) -> Response:
            await self._registrations.resend(body.email, visitor.language, captcha)
            return self._to_code(visitor)

        return await self._forms.submit(visitor, self._resend, work)

    def show_invitation(self, visitor: Visitor) -> Response:
        """Return the form for the first password of an invited user."""
        code = visitor.request.query_params.get("code", "")[:_MAX_CODE]
        return self._forms.show(
            visitor, INVITATION, values={"code": code}, variables={"is_linked": bool(code)}
        )

    async def accept(self, visitor: Visitor) -> Response:
        """Take the first password of an invited user."""

        async def work(body: InvitationAcceptRequest, _captcha: CaptchaToken) -> Response:
            device = await self._invitations.accept(
                body.code.get_secret_value(), body.password.get_secret_value()
            )
            return self._to_login(visitor, "invited", device)

        return await self._forms.submit(visitor, INVITATION, work, variables={"is_linked": False})

    async def _verified(self, visitor: Visitor, body: VerificationRequest) -> Response:
        if body.registration_token is None or body.password is not None:
            return self._to_login(visitor, "registered", await self._registrations.verify(body))
        open_session = self._end.opener(visitor, is_remembered=False)
        opened = await self._registrations.verify_and_sign_in(body, visitor.source, open_session)
        return self._end.signed_in(visitor, opened)

    def _form_errors(self, visitor: Visitor, error: PasswordRequiredError) -> FormErrors:
        return form_errors_of(error, self._site.pages.texts[visitor.language], {})

    @staticmethod
    def _to_code(visitor: Visitor) -> Response:
        return RedirectResponse(visitor.continuation.link("/auth/verify-email"), status_code=303)

    def _to_login(self, visitor: Visitor, done: str, device: DeviceToken) -> Response:
        target = visitor.continuation.link("/auth/login")
        response = RedirectResponse(f"{target}{'&' if '?' in target else '?'}done={done}", status_code=303)
        self._site.cookies.set(response, DEVICE_COOKIE, str(device), seconds=YEAR_SECONDS)
        return response
