"""Pages that show the mailbox of the file transport: for `make run`, not for a public address.

They answer connections from this machine, and reject those of a proxy, because it forwards requests of other
machines.

A mail's HTML is a document of its own, in a frame without scripts, origin or network, so that a broken or
hostile template cannot affect the page around it.
"""

import asyncio
import base64
import hashlib
import re
import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from doorward_client.errors import NotFoundError
from doorward_mail.transport.file_transport import Mailbox, text_of

MAILBOX: Final = "/mailbox"

_OF_PROXIES: Final = re.compile(r"x-.+|forwarded.*|via|cdn-loop|.+-ip")
"""Names of headers that proxies add. A browser that opens a page sends none of them."""

_STYLE: Final = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #8884; padding: .5rem; text-align: left; }
pre { border: 1px solid #8884; border-radius: 6px; padding: 1rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { border: 1px solid #8884; border-radius: 6px; height: 40rem; width: 100%; }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_COMMON_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE_HEADERS: Final = {
    **_COMMON_HEADERS,
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
_MAIL_HEADERS: Final = {
    **_COMMON_HEADERS,
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    ),
}

_pages: Final = Environment(
    loader=PackageLoader("doorward_mail.transport", "pages"), autoescape=True, undefined=StrictUndefined
)


def mailbox_router(mailbox: Mailbox, *, key: str) -> APIRouter:
    """Return the routes: the list, one mail, and its HTML as it would arrive.

    `key` is the last part of their path and a secret: a path parameter, which no log line contains.
    """

    def require_access(request: Request, sent_key: Annotated[str, Path(alias="key")]) -> None:
        is_forwarded = any(_OF_PROXIES.fullmatch(name) for name in request.headers)
        if is_forwarded or not secrets.compare_digest(sent_key.encode("utf-8"), key.encode("utf-8")):
            raise NotFoundError

    root = f"{MAILBOX}/{key}"
    router = APIRouter(
        prefix=MAILBOX + "/{key}", include_in_schema=False, dependencies=[Depends(require_access)]
    )

    @router.get("")
    async def index() -> Response:
        return _page("list.html", root, mails=await asyncio.to_thread(mailbox.mails))

    @router.get("/{name}")
    async def mail(name: str) -> Response:
        message = await asyncio.to_thread(mailbox.read, name)
        if message is None:
            raise NotFoundError
        headers = [(field, str(value)) for field, value in message.items()]
        return _page("mail.html", root, name=name, headers=headers, text=text_of(message, "plain"))

    @router.get("/{name}/html")
    async def html(name: str) -> Response:
        message = await asyncio.to_thread(mailbox.read, name)
        if message is None:
            raise NotFoundError
        return HTMLResponse(text_of(message, "html"), headers=_MAIL_HEADERS)

    return router


def _page(template: str, root: str, **variables: Any) -> Response:
    text = _pages.get_template(template).render(style=_STYLE, root=root, **variables)
    return HTMLResponse(text, headers=_PAGE_HEADERS)
