"""The edge passes on what pages of other origins ask, and what the services answer to them."""

from support.client import Client
from support.echo import CORS_ANSWER, Backends

PAGE = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "same-site"}
ASKED = {
    **PAGE,
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "if-match,doorward-csrf",
}


def test_a_preflight_reaches_the_service(client: Client, backends: Backends) -> None:
    response = client.http.request("OPTIONS", "/api/v1/users/1", headers=ASKED)
    assert response.status_code == 200
    received = backends.only()
    assert received.method == "OPTIONS"
    for name, value in ASKED.items():
        assert received.values(name) == [value], name


def test_the_answer_reaches_the_page_once(client: Client) -> None:
    response = client.http.get("/api/v1/users/1", headers=PAGE)
    for name, value in CORS_ANSWER.items():
        assert response.headers.get_list(name) == [value], name


def test_a_page_names_its_cookie_to_the_service(client: Client, backends: Backends) -> None:
    headers = {**PAGE, "Doorward-CSRF": "console", "Cookie": "__Secure-doorward_refresh_console=dwr_x"}
    client.http.post("/api/v1/auth/refresh-token", headers=headers)
    received = backends.only()
    assert {name: received.values(name) for name in headers} == {
        name: [value] for name, value in headers.items()
    }
