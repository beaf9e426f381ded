from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from endpoints import UnknownSchemeError, callers, endpoints_table


class _Scheme(SecurityBase):
    def __init__(self, scheme: str) -> None:
        self.model = HTTPBase(scheme=scheme)
        self.scheme_name = scheme

    async def __call__(self) -> str:
        return self.scheme_name


bearer, basic = _Scheme("bearer"), _Scheme("basic")


def _document() -> dict[str, Any]:
    app = FastAPI()

    @app.get("/open", summary="Read")
    async def _open() -> None: ...

    @app.post("/open", summary="Write")
    async def _member(_caller: Annotated[str, Depends(bearer)]) -> None: ...

    @app.delete("/open", summary="Delete")
    async def _permitted(_caller: Annotated[str, Security(bearer, scopes=["users:write"])]) -> None: ...

    @app.get("/service", summary="Ask")
    async def _service(_caller: Annotated[str, Depends(basic)]) -> None: ...

    return app.openapi()


def test_the_callers_of_an_operation_follow_from_its_security() -> None:
    assert endpoints_table(_document()).splitlines()[2:] == [
        "| `GET /open` | Read | anyone |",
        "| `POST /open` | Write | signed in |",
        "| `DELETE /open` | Delete | `users:write` |",
        "| `GET /service` | Ask | registered service |",
    ]


def test_a_permission_is_named_once_and_implies_being_signed_in() -> None:
    schemes = _document()["components"]["securitySchemes"]
    assert (
        callers([{"bearer": []}, {"bearer": ["a:b"]}, {"bearer": ["a:b", "c:d"]}], schemes) == "`a:b`, `c:d`"
    )


def test_two_schemes_are_alternatives() -> None:
    schemes = _document()["components"]["securitySchemes"]
    assert callers([{"bearer": []}, {"basic": []}], schemes) == "signed in or registered service"


def test_a_scheme_without_a_description_is_an_error() -> None:
    with pytest.raises(UnknownSchemeError, match="cookie"):
        callers([{"cookie": []}], {"cookie": {"type": "apiKey", "in": "cookie", "name": "session"}})
