"""The pages of a forgotten password. Their rules are ResetService's."""

from typing import Final

from starlette.responses import RedirectResponse, Response

from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.pages.frame.forms import FormPage, Forms
from doorward_auth.pages.frame.site import DEVICE_COOKIE, YEAR_SECONDS, PageSite
from doorward_auth.pages.frame.visitor import Visitor
from doorward_auth.passwords.reset import ResetService
from doorward_auth.passwords.schemas import ResetCodeRequest, ResetRequest

RESET: Final = FormPage(
    "reset.html",
    "/auth/reset",
    ResetRequest,
    shown=("email", "pin"),
    field_of_code={"invalid_code": "pin"},
)


class PasswordPages:
    """Shows the forms of a forgotten password, and takes them."""

    def __init__(self, site: PageSite, forms: Forms, resets: ResetService, *, asks_captcha: bool) -> None:
        self._site = site
        self._forms = forms
        self._resets = resets
        self._forgot = FormPage(
            "forgot.html",
            "/auth/forgot",
            ResetCodeRequest,
            shown=("email",),
            has_captcha=asks_captcha,
        )

    def show_forgot(self, visitor: Visitor) -> Response:
        """Return the form that asks for a code."""
        return self._forms.show(visitor, self._forgot)

    async def request_code(self, visitor: Visitor) -> Response:
        """Mail a code. The answer is the same whether or not the address has an account."""

        async def work(body: ResetCodeRequest, captcha: CaptchaToken) -> Response:
            await self._resets.request_code(body.email, visitor.language, captcha)
            return self._forms.show(
                visitor, RESET, values={"email": body.email}, variables={"sent_to": body.email}
            )

        return await self._forms.submit(visitor, self._forgot, work)

    def show_reset(self, visitor: Visitor) -> Response:
        """Return the form for a code that the visitor has."""
        return self._forms.show(visitor, RESET, variables={"sent_to": None})

    async def reset(self, visitor: Visitor) -> Response:
        """Take the code and a new password. Every session ends, so that a sign-in follows."""

        async def work(body: ResetRequest, _captcha: CaptchaToken) -> Response:
            device = await self._resets.reset(
                body.email, body.pin.get_secret_value(), body.new_password.get_secret_value()
            )
            target = visitor.continuation.link("/auth/login")
            response = RedirectResponse(f"{target}{'&' if '?' in target else '?'}done=reset", status_code=303)
            self._site.cookies.set(response, DEVICE_COOKIE, str(device), seconds=YEAR_SECONDS)
            return response

        return await self._forms.submit(visitor, RESET, work, variables={"sent_to": None})
