"""A Kubernetes API server and kubectl whose users are Doorward's, with the files of docs/applications.md."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jwt
import pytest
import yaml
from playwright.sync_api import Browser, Page

from cluster.api_server import ApiServer
from cluster.kubectl_users import PAGE, Provider, SignIn, UserOfKubectl
from support.administrator import Administrator, User, administrator_of
from support.certificates import self_signed
from support.chromium import TIMEOUT_MS, running_chromium
from support.documentation import at, documented_file, documented_line
from support.haproxy import HAProxy
from support.ports import free_port
from support.services import Admin
from support.standalone import Standalone

ADMIN: Final = Admin()
NO_PODS: Final = "No resources found in default namespace."
UNAUTHORIZED: Final = "You must be logged in to the server"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    certificate = self_signed(folder)
    edge = HAProxy(folder, nodes=[port], certificate=certificate)
    login = {"DOORWARD_ADMIN_EMAIL": ADMIN.email, "DOORWARD_ADMIN_PASSWORD": ADMIN.password}
    with Standalone(folder, port, DOORWARD_PUBLIC_URL=edge.tls_url, **login) as server, edge:
        server.register(documented_line(PAGE, "doorward client add kubernetes"))
        yield Provider(server, edge.tls_url, certificate)


@pytest.fixture(scope="module")
def api(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("kubernetes")
    text = at(documented_file(PAGE, "authentication.yaml"), {"https://id.example.com": provider.url})
    configuration = yaml.safe_load(text)
    configuration["jwt"][0]["issuer"]["certificateAuthority"] = provider.certificate.authority.read_text()
    path = folder / "authentication.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with ApiServer(folder, provider.certificate, path) as api:
        status, said = api.kubectl("apply", "-f", "-", given=documented_file(PAGE, "platform.yaml"))
        assert status == 0, said
        yield api


@pytest.fixture(scope="module")
def administrator(provider: Provider) -> Iterator[Administrator]:
    with administrator_of(provider.url, ADMIN, tls=provider.certificate.client_context()) as administrator:
        yield administrator


@pytest.fixture(scope="module")
def groups(administrator: Administrator) -> dict[str, str]:
    return {name: administrator.add_group(name) for name in ("platform", "developers")}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser without cookies, which accepts the certificate of the test."""
    with chromium.new_context(locale="en-GB", ignore_https_errors=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        yield context.new_page()


@pytest.fixture
def platform(administrator: Administrator, groups: dict[str, str]) -> User:
    return administrator.add_user(groups["platform"])


@pytest.fixture
def kubectl(api: ApiServer, provider: Provider, tmp_path: Path) -> UserOfKubectl:
    return UserOfKubectl(api, provider, tmp_path / "config")


@pytest.fixture
def tokens_of(provider: Provider, page: Page) -> SignIn:
    return SignIn(provider, page)


def test_a_group_decides_what_a_user_may_do(
    api: ApiServer, administrator: Administrator, groups: dict[str, str], tokens_of: SignIn
) -> None:
    user = administrator.add_user(*groups.values())
    token = tokens_of(user)["id_token"]
    assert api.kubectl("get", "pods", token=token) == (0, NO_PODS)
    status, said = api.kubectl("get", "secrets", token=token)
    assert status == 1
    assert f'User "doorward:{user.email}" cannot list resource "secrets"' in said
    status, said = api.kubectl("auth", "whoami", "--output", "json", token=token)
    assert status == 0, said
    who = json.loads(said)["status"]["userInfo"]
    assert (who["username"], who["uid"]) == (f"doorward:{user.email}", user.id)
    assert set(who["groups"]) == {"doorward:developers", "doorward:platform", "system:authenticated"}


def test_a_user_of_another_group_may_not(
    api: ApiServer, administrator: Administrator, groups: dict[str, str], tokens_of: SignIn
) -> None:
    developer = administrator.add_user(groups["developers"])
    status, said = api.kubectl("get", "pods", token=tokens_of(developer)["id_token"])
    assert status == 1
    assert f'User "doorward:{developer.email}" cannot list resource "pods"' in said


def test_other_tokens_of_the_issuer_are_rejected(
    api: ApiServer, provider: Provider, administrator: Administrator, platform: User, tokens_of: SignIn
) -> None:
    other = {
        "client_id": "other",
        "kind": "public",
        "name": "Other",
        "redirect_uris": ["http://localhost:8000"],
        "scopes": ["openid", "email", "groups"],
    }
    administrator.register(other)
    tokens = tokens_of(platform, "other")
    keys = jwt.PyJWKSet.from_dict(json.loads((provider.server.data / "oidc-keys.json").read_text()))
    key = keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})

    def signed(**changed: Any) -> str:
        return jwt.encode({**claims, **changed}, key, "RS256", headers={"kid": key.key_id})

    now = int(time.time())
    assert api.kubectl("get", "pods", token=signed(aud="kubernetes"))[0] == 0, (
        "the others differ in one claim"
    )
    for name, token in {
        "of another client": tokens["id_token"],
        "an access token": tokens["access_token"],
        "expired": signed(aud="kubernetes", exp=now - 1),
        "of another issuer": signed(aud="kubernetes", iss="https://id.example.com/api/v1/auth"),
        "of an unproven address": signed(aud="kubernetes", email_verified=False),
    }.items():
        status, said = api.kubectl("get", "pods", token=token)
        assert (status, UNAUTHORIZED in said) == (1, True), f"{name}: {said}"


def test_kubectl_refreshes_until_the_session_has_ended(
    kubectl: UserOfKubectl,
    provider: Provider,
    administrator: Administrator,
    groups: dict[str, str],
    platform: User,
    tokens_of: SignIn,
) -> None:
    kubectl.set_credentials(tokens_of(platform)["refresh_token"])
    assert kubectl.run("get", "pods") == (0, NO_PODS)

    administrator.join(groups["developers"], platform)
    administrator.leave(groups["platform"], platform)
    assert kubectl.run("get", "pods") == (0, NO_PODS), "the API server asks no one before the token's end"
    kubectl.forget_id_token()
    status, said = kubectl.run("get", "pods")
    assert (status, "cannot list resource" in said) == (1, True), said

    form = {"token": kubectl.refresh_token, "client_id": "kubernetes"}
    assert provider.post("/revoke", form).status_code == 200
    assert "cannot list resource" in kubectl.run("get", "pods")[1], "authenticated until the token's end"
    kubectl.forget_id_token()
    status, said = kubectl.run("get", "pods")
    assert (status, "invalid_grant" in said) == (1, True), said


def test_tokens_of_a_new_key_are_accepted(
    api: ApiServer, provider: Provider, platform: User, tokens_of: SignIn
) -> None:
    tokens = tokens_of(platform)
    old = tokens["id_token"]
    assert api.kubectl("get", "pods", token=old)[0] == 0  # and now the API server has read the keys
    provider.server.run("rotate-key", "--set", "oidc", "--activate-in", "0")
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while _key_id(tokens["id_token"]) == _key_id(old):
        assert time.monotonic() < deadline, "the new key does not sign"
        tokens = provider.refreshed(tokens["refresh_token"])
    # Keys that it has read less than half of their max-age ago are not read again for a new key id.
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while (answer := api.kubectl("get", "pods", token=tokens["id_token"]))[0] != 0:
        assert time.monotonic() < deadline, answer[1]
        time.sleep(1)
    assert api.kubectl("get", "pods", token=old) == (0, NO_PODS)


def _key_id(token: str) -> str:
    key_id: str = jwt.get_unverified_header(token)["kid"]
    return key_id
