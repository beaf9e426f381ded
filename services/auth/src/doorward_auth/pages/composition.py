"""The services of the pages, built from those that they show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from doorward_auth.account_mail.sender import AccountMailSender
from doorward_auth.browser_sessions.service import BrowserSessionService
from doorward_auth.captcha.service import Captcha
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.oidc.authorization.page_steps import AuthorizationPageSteps
from doorward_auth.oidc.consents.service import ConsentService
from doorward_auth.pages.account.service import AccountPages
from doorward_auth.pages.consent.service import ConsentPages
from doorward_auth.pages.frame.forms import Forms
from doorward_auth.pages.frame.site import PageSite
from doorward_auth.pages.passwords.service import PasswordPages
from doorward_auth.pages.registration.service import RegistrationPages
from doorward_auth.pages.sign_in.browser_sign_in import BrowserSignIn
from doorward_auth.pages.sign_in.service import SignInOptions, SignInPages
from doorward_auth.pages.upstream.password_service import UpstreamPasswordPages
from doorward_auth.pages.upstream.service import UpstreamPages
from doorward_auth.passwords.reset import ResetService
from doorward_auth.registration.invitations import InvitationService
from doorward_auth.registration.service import RegistrationService
from doorward_auth.sessions.service import SessionService
from doorward_auth.settings import AuthSettings, RegistrationPolicy
from doorward_auth.sign_in.flow import SignInFlow
from doorward_auth.upstream.logins.password_login import PasswordLogins
from doorward_auth.upstream.redirects.service import RedirectLogins


@dataclass(frozen=True, slots=True)
class PageServices:
    """One service a field."""

    site: PageSite
    sign_in: SignInPages
    registration: RegistrationPages
    passwords: PasswordPages
    account: AccountPages
    consent: ConsentPages
    upstream: UpstreamPages
    upstream_password: UpstreamPasswordPages

    @classmethod
    def create(  # noqa: PLR0913 - what the pages show
        cls,
        settings: AuthSettings,
        secrets_of: Callable[[], Sequence[bytes]],
        *,
        flow: SignInFlow,
        browser_sessions: BrowserSessionService,
        sessions: SessionService,
        registrations: RegistrationService,
        invitations: InvitationService,
        resets: ResetService,
        captcha: Captcha,
        mail: AccountMailSender,
        consents: ConsentService,
        authorization_steps: AuthorizationPageSteps,
        redirects: RedirectLogins,
        password_logins: PasswordLogins,
    ) -> Self:
        """Call every constructor; raises SettingsError."""
        site = PageSite.create(
            settings,
            public_url=settings.public_url,
            product=settings.mail_from_name,
            secrets_of=secrets_of,
        )
        forms = Forms(site)
        is_open = settings.registration is not RegistrationPolicy.CLOSED and mail.has_transport
        end = BrowserSignIn(site, forms, browser_sessions)
        titles = dict(sorted(settings.upstream_titles.items()))
        options = SignInOptions(
            is_open,
            mail.has_transport,
            titles,
            password_logins.login_fields().keys(),
        )
        sign_in = SignInPages(site, forms, flow, end, options)
        return cls(
            site=site,
            sign_in=sign_in,
            upstream=UpstreamPages(site, forms, redirects, sign_in, end),
            upstream_password=UpstreamPasswordPages(site, forms, password_logins, end, titles),
            registration=RegistrationPages(
                site,
                forms,
                registrations,
                invitations,
                end,
                asks_captcha=captcha.asks_for(CaptchaAction.REGISTER),
                is_open=is_open,
            ),
            passwords=PasswordPages(
                site, forms, resets, asks_captcha=captcha.asks_for(CaptchaAction.PASSWORD_RESET)
            ),
            account=AccountPages(site, forms, browser_sessions, sessions, consents),
            consent=ConsentPages(site, forms, authorization_steps),
        )
