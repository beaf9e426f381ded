"""A service of your own that accepts Doorward's tokens. README.md says how to run it."""

from typing import Annotated

from fastapi import FastAPI, Response

from doorward_client.fastapi import Claims, CurrentUser, requires, setup_doorward_auth

app = FastAPI(title="Reports")
doorward = setup_doorward_auth(app, role_permissions={"admin": {"reports:delete"}})


@app.get("/reports")
async def list_reports(caller: CurrentUser) -> dict[str, str]:
    """Admits every signed-in user; `caller` holds the claims of the token."""
    return {"reader": str(caller.user_id), "role": caller.role}


@app.delete("/reports/{number}")
async def delete_report(
    number: int, caller: Annotated[Claims, requires("reports:delete")]
) -> dict[str, str | int]:
    """Admits callers whose role has the permission."""
    return {"deleted": number, "by": str(caller.user_id)}


@app.get("/readyz", include_in_schema=False)
async def readyz(response: Response) -> dict[str, str]:
    """Tell the readiness probe whether tokens can be verified; not for the ingress."""
    problem = doorward.problem()
    if problem is not None:
        response.status_code = 503
    return {"status": problem or doorward.note() or "ok"}


@app.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Show the metrics of verification: rejected tokens by reason, the age of the revocation list."""
    return Response(app.state.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
