"""Thousands of tampered tokens of both algorithms are rejected on every protected route."""

from collections.abc import AsyncIterator, Iterator

import pytest

from doorward_client.keys.key_set import ES256, HS256
from doorward_client.tokens import InvalidTokenError, Verifier
from doorward_kit.key_rotation import new_jwk
from integration.harness.bulk_users import Member, enrol
from integration.harness.installation import USERS
from integration.harness.races import together
from integration.harness.raw_http import RawHttpClient
from integration.harness.routes import PROTECTED_WITHOUT_OPENID as ROUTES
from integration.keys.key_deployment import KeyedDeployment
from integration.keys.token_tampering_keys import key_tamperings
from integration.keys.token_tampering_text import elliptic_tamperings, other_spellings, text_tamperings
from integration.keys.tokens import ring_of, signed
from support.databases import DatabaseServer

ALGORITHMS = (HS256, ES256)
LEAST = 5_000
AT_ONCE = 16
SHARE = 10

DOCUMENT = {"keys": [new_jwk(HS256), new_jwk(ES256)]}
"""Both algorithms are valid, as during a switch from one to the other."""


def good_token(algorithm: str, member: Member) -> str:
    own = [key for key in DOCUMENT["keys"] if key["alg"] == algorithm]
    return signed({"keys": own}, member.id)


def tamperings(token: str, algorithm: str) -> dict[str, str]:
    """Return every distinct tampered token with a description of the change."""
    made = [*text_tamperings(token), *key_tamperings(token, DOCUMENT)]
    if algorithm == ES256:
        made += elliptic_tamperings(token)
    found = {altered: name for name, altered in made}
    found.pop(token, None)  # the original token
    return found


@pytest.fixture(scope="module")
def services(
    mariadb_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KeyedDeployment]:
    with mariadb_server.create_database("tamperings") as database:
        deployment = KeyedDeployment(
            database,
            tmp_path_factory.mktemp("tamperings"),
            DOORWARD_ACCESS_LOG="false",
            DOORWARD_LOG_LEVEL="warning",
        )
        deployment.write(DOCUMENT)
        with deployment:
            yield deployment


@pytest.fixture
async def clients(services: KeyedDeployment) -> AsyncIterator[dict[str, RawHttpClient]]:
    clients = {service.name: RawHttpClient(service.port) for service in services.services}
    yield clients
    for http in clients.values():
        await http.close()


@pytest.fixture(scope="module")
def member(services: KeyedDeployment) -> Member:
    return enrol(services.database_url, 1, role="admin")[0]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_verifier_rejects_all_tampered_tokens(member: Member, algorithm: str) -> None:
    token = good_token(algorithm, member)
    verifier = Verifier(ring_of(DOCUMENT), issuer="doorward", audience="doorward")
    assert verifier.verify(token).user_id == member.id
    accepted = []
    altered = tamperings(token, algorithm)
    assert len(altered) >= LEAST
    for text, name in altered.items():
        try:
            verifier.verify(text)
        except InvalidTokenError:
            continue
        accepted.append(name)
    assert accepted == []
    assert verifier.verify(token).user_id == member.id


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_other_spellings_of_the_same_bytes_are_tested(member: Member, algorithm: str) -> None:
    """Control: the test above includes texts that decode to the same bytes."""
    token = good_token(algorithm, member)
    spellings = other_spellings(token)
    assert spellings
    assert set(spellings) <= tamperings(token, algorithm).keys()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_protected_routes_reject_all_tampered_tokens(
    services: KeyedDeployment, clients: dict[str, RawHttpClient], member: Member, algorithm: str
) -> None:
    token = good_token(algorithm, member)
    altered = [(text, name) for text, name in tamperings(token, algorithm).items() if travels(text)]
    assert len(altered) >= LEAST
    altered = altered[
        ::SHARE
    ]  # the verifier is tested with all of them; this test shows that every route uses it

    async def ask(number: int) -> list[str]:
        """Send each token to one route of each service, chosen in turn."""
        text, name = altered[number]
        accepted = []
        for service, http in clients.items():
            routes = [route for route in ROUTES if route.service == service]
            route = routes[number % len(routes)]
            reply = await http.call(route.method, route.at(member.id), text)
            if reply.status != 401:
                accepted.append(f"{reply.status} {route.name} with {name}")
        return accepted

    answers = await together(len(altered), ask, at_once=AT_ONCE)
    assert [one for accepted in answers for one in accepted] == []
    # The original token is still valid, and its user still exists.
    assert (await clients["users"].call("GET", f"{USERS}/me", token)).status == 200
    assert [service.alive for service in services.services] == [True, True]


def travels(text: str) -> bool:
    """Whether a text arrives unchanged; HTTP strips spaces around a header value."""
    return text.isascii() and text.isprintable() and text.strip() == text
