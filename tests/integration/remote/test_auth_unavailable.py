"""Auth is unavailable, comes back, or does not know the service: what the service does meanwhile."""

import math

import pytest

from integration.harness.deployment import wait_until
from integration.harness.problems import MEDIA_TYPE
from integration.remote.deployment import RemoteDeployment
from integration.remote.own_service import REPORTS, OwnService

MAX_AGE = 5.0
AGE = "doorward_revocations_age_seconds"
NOT_LOADED = "The revocation list is not loaded yet."
POLICIES = ("allow", "deny")


def own(deployment: RemoteDeployment, policy: str, **env: str) -> OwnService:
    bound = {"DOORWARD_REVOCATION_MAX_AGE_SECONDS": str(MAX_AGE), "DOORWARD_REVOCATION_STALE_POLICY": policy}
    return deployment.own_service(f"{policy}-{len(env)}.log", **bound, **env)


def assert_unavailable(service: OwnService, token: str, code: str) -> None:
    response = service.ask("GET", REPORTS, token)
    assert response.status_code == 503, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.json()["code"] == code
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("policy", POLICIES)
def test_auth_is_unavailable_and_comes_back(deployment: RemoteDeployment, policy: str) -> None:
    kept, ended = deployment.sign_in(), deployment.sign_in()
    with own(deployment, policy) as service:
        assert [service.status(one.access) for one in (kept, ended)] == [200, 200]
        assert service.metric(AGE) < MAX_AGE
        deployment.auth.kill9()
        # The users service disables an account, which auth cannot report to this service.
        deployment.change(ended, status="disabled")
        wait_until(lambda: service.metric(AGE) > MAX_AGE, "stale")
        if policy == "allow":
            assert [service.status(one.access) for one in (kept, ended)] == [200, 200]
            status, said = service.readiness()
            assert (status, said.startswith("the revocation list is ")) == (200, True)
        else:
            for one in (kept, ended):
                assert_unavailable(service, one.access, "revocations_stale")
            assert service.readiness() == (503, "The revocation list is stale.")
        assert "revocations.fetch_failed" in service.log_text()
        deployment.auth.start()
        service.wait_until_rejected(ended.access)
        assert service.status(kept.access) == 200
        assert service.readiness() == (200, "ok")
        assert service.metric(AGE) < MAX_AGE


def test_a_restart_of_auth_between_two_polls_loses_no_revocation(
    deployment: RemoteDeployment, service: OwnService
) -> None:
    user, other = deployment.sign_in(), deployment.sign_in()
    deployment.log_out(user)
    deployment.auth.kill9()
    deployment.change(other, status="disabled")
    deployment.auth.start()
    for one in (user, other):
        service.wait_until_rejected(one.access)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_wrong_client_secret_is_logged_and_no_token_is_accepted(
    deployment: RemoteDeployment, policy: str
) -> None:
    user = deployment.sign_in()
    service = own(deployment, policy, DOORWARD_CLIENT_SECRET="not the secret that auth knows")
    before = service.log_position()
    with service:
        assert service.readiness() == (503, NOT_LOADED)
        service.wait_for_log("status 401", start=before)
        assert "not the secret" not in service.log_text()
        assert math.isinf(service.metric(AGE))
        assert_unavailable(service, user.access, "revocations_unavailable")


@pytest.mark.parametrize("setting", ["ISSUER", "AUDIENCE"])
def test_a_different_issuer_or_audience_is_logged_with_the_setting_to_change(
    deployment: RemoteDeployment, setting: str
) -> None:
    user = deployment.sign_in()
    service = own(deployment, "allow", **{f"DOORWARD_{setting}": "https://reports.example.com"})
    before = service.log_position()
    with service:
        said = f"DOORWARD_{setting} is 'https://reports.example.com' here and 'doorward' at auth"
        wait_until(lambda: service.readiness() == (503, said), "reported")
        service.wait_for_log("verification.misconfigured", start=before)
        assert said in service.log_text(before)
        assert service.status(user.access) == 401


def test_a_start_without_auth_recovers_by_itself(deployment: RemoteDeployment) -> None:
    user = deployment.sign_in()
    deployment.auth.kill9()
    with own(deployment, "allow", DOORWARD_LOG_LEVEL="info") as service:
        assert service.readiness()[0] == 503
        assert_unavailable(service, user.access, "no_keys")
        deployment.auth.start()
        wait_until(lambda: service.readiness() == (200, "ok"), "ready")
        assert service.status(user.access) == 200


@pytest.mark.parametrize("missing", ["DOORWARD_AUTH_URL", "DOORWARD_CLIENT_ID", "DOORWARD_CLIENT_SECRET"])
def test_a_missing_setting_is_named(deployment: RemoteDeployment, missing: str) -> None:
    service = own(deployment, "allow", DOORWARD_LOG_LEVEL="info", DOORWARD_REDIS_URL="redis://127.0.0.1:1/0")
    del service.env[missing]
    with pytest.raises(RuntimeError, match=missing):
        service.start()
