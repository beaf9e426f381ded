"""A service of your own that accepts Doorward's tokens. README.md says how to run it."""

from typing import Annotated

from fastapi import FastAPI, Response
from prometheus_client import generate_latest

from doorward_client.fastapi import Claims, CurrentUser, requires, setup_doorward_auth
from doorward_client.prometheus import PrometheusVerificationMetrics

app = FastAPI(title="Reports")
doorward = setup_doorward_auth(
    app,
    role_permissions={"admin": {"reports:delete"}},
    metrics=PrometheusVerificationMetrics(),
)


@app.get("/reports")
async def list_reports(caller: CurrentUser) -> dict[str, str]:
    """Requires a valid token; `caller` has its claims."""
    return {"reader": str(caller.user_id), "role": caller.role}


@app.delete("/reports/{number}")
async def delete_report(
    number: int, caller: Annotated[Claims, requires("reports:delete")]
) -> dict[str, str | int]:
    """Requires the permission, which the role `admin` has."""
    return {"deleted": number, "by": str(caller.user_id)}


@app.get("/readyz", include_in_schema=False)
async def readyz(response: Response) -> dict[str, str]:
    """For the readiness probe, not for the ingress."""
    problem = doorward.problem()
    if problem is not None:
        response.status_code = 503
    return {"status": problem or doorward.warning() or "ok"}


@app.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Rejected tokens by reason, the age of the revocation list, and Python's own metrics."""
    return Response(generate_latest(), media_type="text/plain; version=0.0.4; charset=utf-8")
