"""A service of your own that accepts Doorward's tokens. README.md says how to run it."""

from fastapi import FastAPI, Response

from doorward_client.fastapi import AdminUser, CurrentUser, guard

app = FastAPI(title="Reports")
doorward = guard(app)


@app.get("/reports")
async def list_reports(caller: CurrentUser) -> dict[str, str]:
    """Everybody who is signed in gets here; `caller` is from the token alone."""
    return {"reader": str(caller.user_id), "role": caller.role}


@app.delete("/reports/{number}")
async def delete_report(number: int, caller: AdminUser) -> dict[str, str | int]:
    """Administrators get here, and nobody else."""
    return {"deleted": number, "by": str(caller.user_id)}


@app.get("/readyz", include_in_schema=False)
async def readyz(response: Response) -> dict[str, str]:
    """Say whether callers can be judged: for the readiness probe, not for the ingress."""
    problem = doorward.problem()
    if problem is not None:
        response.status_code = 503
    return {"status": problem or doorward.note() or "ok"}


@app.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Show what `guard` counts: refused tokens by reason, the age of the list of revoked ones."""
    return Response(app.state.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
