"""The rules of signing in at the API."""

import sqlalchemy as sa
import structlog

from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.password_check.service import PasswordCheck
from doorward_auth.refresh_cookies.cookies import OriginNotAllowedError, RefreshCookie
from doorward_auth.request_source import RequestSource
from doorward_auth.sessions import repository as sessions
from doorward_auth.sign_in.errors import StepUpByClientError
from doorward_auth.sign_in.flow import SignInFlow, now
from doorward_auth.sign_in.opening import SessionOpener, grant_of
from doorward_auth.sign_in.steps import Authenticated, Proof, next_step, state_of
from doorward_auth.signing import Signer
from doorward_auth.tokens.token_pair import RefreshToken, SessionGrant, TokenPair, issue_pair
from doorward_client.bearer_auth import InvalidAccessTokenError
from doorward_client.errors import DoorwardError
from doorward_client.tokens import Claims
from doorward_identity.audit.own_events import record_own
from doorward_identity.audit.repository import AuditAction
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)


class SignInService:
    """Opens sessions, and renews the authentication of open ones."""

    def __init__(
        self,
        resources: IdentityResources,
        flow: SignInFlow,
        passwords: PasswordCheck,
        signer: Signer,
        opener: SessionOpener,
    ) -> None:
        self._database = resources.database
        self._flow = flow
        self._passwords = passwords
        self._signer = signer
        self._opener = opener

    async def log_in(
        self,
        email: str,
        password: str,
        device_token: str | None,
        captcha: CaptchaToken,
        source: RequestSource,
    ) -> TokenPair:
        """Check a password and open a session; raises as SignInFlow.check_password does."""
        return self._issue(
            await self._flow.check_password(email, password, device_token, captcha, source, self._opener.open)
        )

    async def verify_email(self, token_text: str, pin: str, source: RequestSource) -> TokenPair:
        """Go on with the mailed code, raises as SignInFlow.verify_email does."""
        return self._issue(await self._flow.verify_email(token_text, pin, source, self._opener.open))

    async def set_password(self, token_text: str, new_password: str, source: RequestSource) -> TokenPair:
        """Go on with a new password instead of a temporary one; raises as SignInFlow.set_password does."""
        return self._issue(await self._flow.set_password(token_text, new_password, source, self._opener.open))

    async def step_up(self, caller: Claims, password: str, cookie: RefreshCookie | None) -> TokenPair:
        """Prove the password again: the caller's session gets a new auth_time, and new tokens.

        `cookie` must be the session's. Raises OverloadedError, TooManyAttemptsError, InvalidCredentialsError,
        InvalidAccessTokenError, StepUpByClientError, OriginNotAllowedError.
        """
        if caller.scopes is not None:
            # Before the password is compared: an application must not learn whether it is right.
            raise StepUpByClientError
        attempt = await self._passwords.compare_own(caller, password)
        token = RefreshToken.issue(caller.session_id)

        def work(connection: sa.Connection) -> SessionGrant | DoorwardError:
            account = attempt.conclude(connection)
            if isinstance(account, DoorwardError):
                return account
            require_unchanged_account(connection, caller)
            decision = next_step(state_of(account), frozenset({Proof.PASSWORD}))
            if not isinstance(decision, Authenticated):
                return InvalidAccessTokenError()
            auth_time = now()
            renewed = sessions.renew_authentication(
                connection,
                token.session_id,
                token.hash(),
                auth_time=auth_time,
                acr=decision.acr,
                amr=decision.amr,
                idle_seconds=self._opener.idle_seconds,
            )
            if renewed is None:
                return InvalidAccessTokenError()
            if renewed.oauth_client_id is not None:
                raise StepUpByClientError  # and change nothing, as below
            if renewed.cookie_name != (None if cookie is None else cookie.name):
                raise OriginNotAllowedError  # and change nothing: the page would lose its refresh token
            details = {"session_id": token.session_id}
            record_own(connection, AuditAction.STEP_UP_SUCCEEDED, account.id, details)
            return grant_of(
                token,
                account,
                decision,
                auth_time,
                seconds=renewed.seconds,
                extensions=renewed.extensions,
                cookie=cookie,
            )

        grant = await self._database.write_outcome(work)
        log.info("step_up.succeeded", user_id=str(grant.user_id), session_id=str(token.session_id))
        return issue_pair(self._signer, grant)

    def _issue(self, grant: SessionGrant) -> TokenPair:
        log.info("login.succeeded", user_id=str(grant.user_id), session_id=str(grant.token.session_id))
        return issue_pair(self._signer, grant)
