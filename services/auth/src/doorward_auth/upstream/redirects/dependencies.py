"""The service that endpoints of logins at an upstream's own pages depend on."""

from typing import Annotated

from doorward_auth.upstream.redirects.service import RedirectLogins
from doorward_kit.dependencies import provide

Redirects = Annotated[RedirectLogins, provide(RedirectLogins)]
