"""The forms of signing in at an upstream that takes passwords."""

from abc import abstractmethod

from pydantic import Field, SecretStr

from doorward_auth.pages.sign_in.schemas import Ticked
from doorward_auth.upstream.logins.schemas import UpstreamLoginRequest, UpstreamPassword, Username
from doorward_kit.routing import StrictModel


class PasswordForm(StrictModel):
    """The fields that every upstream asks for."""

    password: UpstreamPassword
    device_token: SecretStr | None = None
    remember: Ticked | None = None

    @abstractmethod
    def request(self) -> UpstreamLoginRequest:
        """Return what the API takes."""


class EmailLoginForm(PasswordForm):
    """For an upstream whose users log in by their address."""

    email: str = Field(min_length=1, max_length=320)

    def request(self) -> UpstreamLoginRequest:
        return UpstreamLoginRequest(email=self.email, password=self.password, device_token=self.device_token)


class UsernameLoginForm(PasswordForm):
    """For an upstream whose users log in by a name."""

    username: Username

    def request(self) -> UpstreamLoginRequest:
        return UpstreamLoginRequest(
            username=self.username, password=self.password, device_token=self.device_token
        )
