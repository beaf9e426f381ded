"""The pages between an authorization request and its answer. Their rules are AuthorizationPageSteps'."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import RedirectResponse, Response

from doorward_auth.account_repository import Account
from doorward_auth.browser_sessions.tokens import BrowserSessionToken
from doorward_auth.oidc.authorization.page_steps import AuthorizationPageSteps, RequestSummary
from doorward_auth.pages.consent.scopes import scope_texts
from doorward_auth.pages.frame.continuation import HOME
from doorward_auth.pages.frame.forms import FormPage, Forms
from doorward_auth.pages.frame.schemas import NoFields
from doorward_auth.pages.frame.site import PageSite
from doorward_auth.pages.frame.visitor import Visitor

CONSENT: Final = FormPage("consent.html", "/auth/consent", NoFields)
CHOOSE: Final = FormPage("choose_account.html", "/auth/choose-account", NoFields)

DECISION: Final = "decision"

Step = Callable[[str, BrowserSessionToken | None], Awaitable[str]]


class ConsentPages:
    """Asks the questions, and goes on with the answers."""

    def __init__(self, site: PageSite, forms: Forms, steps: AuthorizationPageSteps) -> None:
        self._site = site
        self._forms = forms
        self._steps = steps
        self._decisions: dict[str, Step] = {"allow": steps.allow, "deny": steps.deny}

    async def show_consent(self, visitor: Visitor) -> Response:
        """Ask whether the application may do what it asks for."""
        return await self._show(visitor, CONSENT)

    async def decide(self, visitor: Visitor) -> Response:
        """Take the decision."""
        return await self._take(visitor, CONSENT, self._decisions.get(visitor.fields.get(DECISION, "")))

    async def show_choice(self, visitor: Visitor) -> Response:
        """Ask with which account the user goes on."""
        return await self._show(visitor, CHOOSE)

    async def keep_account(self, visitor: Visitor) -> Response:
        """Go on with the account that is signed in."""
        return await self._take(visitor, CHOOSE, self._steps.keep_account)

    async def _take(self, visitor: Visitor, form: FormPage[NoFields], step: Step | None) -> Response:
        target = visitor.continuation.target
        if target is None or not visitor.is_own_form or step is None:
            return await self._show(visitor, form)
        return self._forms.redirect(visitor, await step(target, visitor.session_token))

    async def _show(self, visitor: Visitor, form: FormPage[NoFields]) -> Response:
        target = visitor.continuation.target
        if target is None:
            return RedirectResponse(HOME, status_code=303)
        summary = await self._steps.describe(target, visitor.session_token)
        if summary is None or summary.account is None:
            # The endpoint says what is wrong, or asks for the sign-in.
            return self._forms.redirect(visitor, target)
        return self._show_request(visitor, form, summary, summary.account)

    def _show_request(
        self, visitor: Visitor, form: FormPage[NoFields], summary: RequestSummary, account: Account
    ) -> Response:
        texts = self._site.pages.texts[visitor.language]
        return self._forms.show(
            visitor,
            form,
            form_errors=self._forms.errors_of_foreign_form(visitor),
            variables={
                "client": summary.client_name,
                "host": summary.destination,
                "name": account.name,
                "email": account.email,
                "scopes": scope_texts(summary.scopes, texts),
            },
        )
