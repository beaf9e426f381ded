"""The cookie that endpoints for browsers depend on."""

from typing import Annotated

from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_kit.dependencies import provide

SessionCookie = Annotated[BrowserSessionCookie, provide(BrowserSessionCookie)]
