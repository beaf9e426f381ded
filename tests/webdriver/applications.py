"""Applications whose pages have a button for each thing that a script of theirs does, and what it came to.

Their code is that of docs/browsers.md and docs/events.md.
"""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from browser.application import documented
from support.documentation import documented_block

MODULES: Final = {
    "oidc-client-ts": "oidc-client-ts/dist/esm/oidc-client-ts.js",
    "jwt-decode": "jwt-decode/build/esm/index.js",
}
_IMPORTS: Final = json.dumps({"imports": {name: f"/modules/{path}" for name, path in MODULES.items()}})
_HTML: Final = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Application</title>'
_HEAD: Final = f'{_HTML}<link rel="icon" href="/icon.svg">'
_APPLICATION: Final = f"""{_HEAD}<script type="importmap">{_IMPORTS}</script>
<h1>Application</h1><p id="actions"></p><pre id="result"></pre>"""
_TEXT: Final = "text/html; charset=utf-8"
_ICON: Final = '<svg xmlns="http://www.w3.org/2000/svg"/>'
_FAILURES: Final = f"""{_HEAD}<h1>Failures</h1><img src="https://third.example.localhost/x.png" alt="">
<script>console.error("something is wrong"); undefined.nothing()</script>"""
_NARROW: Final = f"""{_HEAD}<style>iframe {{ border: 0; width: 320px; height: 640px }}</style>
<h1>A phone</h1><iframe title="Phone"></iframe>"""

_OFFER: Final = """
const result = document.getElementById("result");
const show = (name, value) => (result.textContent = JSON.stringify({ name, ...value }));
addEventListener("error", (event) => show("error", { error: event.message }));
addEventListener("unhandledrejection", (event) => show("error", { error: String(event.reason) }));
export function offer(name, action) {
  const button = Object.assign(document.createElement("button"), { id: name, textContent: name });
  button.onclick = async () => {
    result.textContent = "";
    try {
      show(name, { value: (await action()) ?? null });
    } catch (error) {
      show(name, { error: error.answer?.code ?? String(error) });
    }
  };
  document.getElementById("actions").append(button);
}
"""

CONSOLE_SCRIPT: Final = f"""
import {{ offer }} from "/offer.js";
import {{ createSession }} from "/session.js";
{documented_block("events.md", "async function listen").replace('"/api/v1', 'API + "/api/v1')}
const settings = await (await fetch("/settings.json")).json();
const {{ EMAIL, PASSWORD }} = settings;
const API = new URLSearchParams(location.search).get("api") ?? settings.API;
const session = createSession(API, "console");
let ended = false;
session.onLogOut = () => (ended = true);
const me = async () => (await session.request("/api/v1/users/me")).json();
offer("log-in", () => session.logIn(EMAIL, PASSWORD));
offer("who", async () => (await me()).email);
offer("cookies", () => document.cookie);
offer("refresh", () => session.refresh());
offer("has-ended", () => ended);
offer("log-out", () => session.logOut());
offer("picture", async () => {{
  const canvas = Object.assign(document.createElement("canvas"), {{ width: 64, height: 64 }});
  canvas.getContext("2d").fillRect(0, 0, 32, 64);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const headers = {{ "Content-Type": blob.type }};
  const put = await session.request("/api/v1/users/me/avatar", {{ method: "PUT", headers, body: blob }});
  const response = await session.request("/api/v1/users/me/avatar");
  const picture = await createImageBitmap(await response.blob());
  return [put.status, response.headers.get("ETag") !== null, picture.width];
}});
offer("error", async () => {{
  const response = await session.request("/api/v1/users/nobody");
  return [response.status, response.headers.get("X-Request-ID") !== null];
}});
offer("events", async () => {{
  const login = {{ method: "POST", headers: {{ "Content-Type": "application/json" }} }};
  const body = JSON.stringify({{ email: EMAIL, password: PASSWORD }});
  const answer = await (await fetch(API + "/api/v1/auth/token", {{ ...login, body }})).json();
  const headers = {{ Authorization: `Bearer ${{answer.access_token}}` }};
  const names = [];
  await listen(answer.access_token, (name) => {{
    names.push(name);
    if (name === "state") fetch(API + "/api/v1/auth/logout", {{ method: "POST", headers }});
  }});
  return names;
}});
"""

WIKI_SCRIPT: Final = """
import { offer } from "/offer.js";
import { createUsers } from "/users.js";
const { API } = await (await fetch("/settings.json")).json();
const users = createUsers(`${API}/api/v1/auth`, "spa");
let token = null;
offer("sign-in", () => void users.signinRedirect());
offer("callback", async () => {
  const user = await users.signinRedirectCallback();
  token = user.access_token;
  return [user.profile.email, Boolean(user.refresh_token)];
});
offer("renew", async () => {
  const before = token;
  token = (await users.signinSilent()).access_token;
  return token !== before;
});
offer("userinfo", async () => {
  const headers = { Authorization: `Bearer ${token}` };
  return (await (await fetch(`${API}/api/v1/auth/userinfo`, { headers })).json()).email;
});
offer("sign-out", () => void users.signoutRedirect());
"""

SILENT_SCRIPT: Final = """
import { offer } from "/offer.js";
offer("silent", () => new Promise((done) => {
  addEventListener("message", (event) => done(event.data), { once: true });
  const src = location.hash.slice(1);
  document.body.append(Object.assign(document.createElement("iframe"), { src, title: "Sign-in" }));
}));
"""
SILENT_CALLBACK: Final = f"""{_HEAD}<script>
  const answer = Object.fromEntries(new URLSearchParams(location.search));
  parent.postMessage(Object.keys(answer).includes("code") ? "code" : answer.error, location.origin);
</script>"""


_POLICIES: Final = {
    "/violation": "default-src 'none'",
    "/failures": "default-src 'self' 'unsafe-inline'",
}


class Applications:
    """Serves the applications of all hosts, and keeps the reports of browsers.

    `modules` is a folder `node_modules`.
    """

    def __init__(self, modules: Path, settings: Mapping[str, str]) -> None:
        self._modules = modules
        self._settings = json.dumps(settings)
        self._arrived = threading.Condition()
        self._reports: list[dict[str, Any]] = []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what `serving` serves."""
        applications = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                applications.answer(self, urlsplit(self.path).path)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()
                applications.take_report(json.loads(body))

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler, path: str) -> None:
        """Answer with a page or a part of one. The callback redirects once more, as most applications do."""
        if path == "/callback":
            is_code = "code=dwa_" in request.path
            request.send_response(303)
            request.send_header("Location", "/welcome" if is_code else "/denied")
            request.end_headers()
            return
        content, kind = self._content(path)
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Cache-Control", "no-store")
        if path in _POLICIES:
            request.send_header("Content-Security-Policy", _POLICIES[path])
        request.end_headers()
        request.wfile.write(content.encode())

    def _content(self, path: str) -> tuple[str, str]:
        scripts = {
            "/offer.js": _OFFER,
            "/console.js": CONSOLE_SCRIPT,
            "/wiki.js": WIKI_SCRIPT,
            "/silent.js": SILENT_SCRIPT,
            "/session.js": documented("session.js"),
            "/users.js": documented("users.js"),
        }
        if path in scripts:
            return scripts[path], "text/javascript"
        if path.startswith("/modules/"):
            return (self._modules / path.removeprefix("/modules/")).read_text("utf-8"), "text/javascript"
        pages = {
            "/narrow": _NARROW,
            "/silent": SILENT_CALLBACK,
            "/welcome": f"{_HEAD}<h1>Welcome</h1>",
            "/denied": f"{_HEAD}<h1>Denied</h1>",
            "/violation": f'{_HEAD}<h1>Stopped</h1><img src="/picture.png" alt="">',
            "/failures": _FAILURES,
        }
        others = {
            "/settings.json": (self._settings, "application/json"),
            "/icon.svg": (_ICON, "image/svg+xml"),
        }
        if path in others:
            return others[path]
        script = {"/console": "console", "/frames": "silent"}.get(path, "wiki")
        return pages.get(path) or f'{_APPLICATION}<script type="module" src="/{script}.js"></script>', _TEXT

    def take_report(self, body: Mapping[str, Any]) -> None:
        """Keep a report of what a policy has stopped."""
        with self._arrived:
            self._reports.append(dict(body["csp-report"]))
            self._arrived.notify_all()

    def reports_before_violation(self, seconds: float) -> list[dict[str, Any]]:
        """Wait for the report about /violation; return those that came before, and forget all."""

        def is_there() -> bool:
            return any(_is_violation(one) for one in self._reports)

        with self._arrived:
            assert self._arrived.wait_for(is_there, seconds), "the browser reports nothing"
            found, self._reports = self._reports, []
        return [one for one in found if not _is_violation(one)]


def _is_violation(report: Mapping[str, Any]) -> bool:
    return urlsplit(str(report["document-uri"])).path == "/violation"
