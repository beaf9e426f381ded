// The README's tour with the client that openapi-typescript and openapi-fetch make of docs/api/openapi.json.
// Environment: BASE_URL, ADMIN_PASSWORD, MAILBOX. Prints "done" at the end.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./api.js";

const baseUrl = process.env["BASE_URL"] ?? "";
const password = process.env["ADMIN_PASSWORD"] ?? "";
const mailbox = process.env["MAILBOX"] ?? "";
const anyone = createClient<paths>({ baseUrl });

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

async function tokens(email: string, secret: string) {
  const { data } = await anyone.POST("/api/v1/auth/token", { body: { email, password: secret } });
  check(data !== undefined, `${email} logs in`);
  return data;
}

// A page may have it in a cookie instead.
function refreshTokenOf(pair: { refresh_token?: string | null }): { refresh_token: string } {
  check(typeof pair.refresh_token === "string", "a refresh token");
  return { refresh_token: pair.refresh_token };
}

function signedIn(accessToken: string): Client<paths> {
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${accessToken}` } });
}

// Quoted-printable breaks long lines, such as those of links.
const read = (name: string) => readFileSync(`${mailbox}/${name}`, "utf8").replace(/=\r?\n/g, "");

async function mailedCode(): Promise<string> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const mails = (existsSync(mailbox) ? readdirSync(mailbox) : []).filter((name) => name.endsWith(".eml"));
    const found = mails.flatMap((name) => read(name).match(/dwv_[A-Za-z0-9_-]+/) ?? []);
    if (found[0] !== undefined) return found[0];
    await sleep(100);
  }
  throw new Error("no mail");
}

const admin = signedIn((await tokens("admin@example.com", password)).access_token);
const profile = await admin.GET("/api/v1/users/me");
check(profile.data?.email === "admin@example.com", "the profile");

const created = await admin.POST("/api/v1/users", {
  body: { email: "ada@example.com", name: "Ada", password: "the analytical engine", role: "user" },
});
check(created.data !== undefined, "a user is created");
const ada = { params: { path: { user_id: created.data.id } } };
const shown = await admin.GET("/api/v1/users/{user_id}", ada);
const etag = shown.response.headers.get("etag");
check(etag !== null, "an entity tag");
const params = { path: ada.params.path, header: { "if-match": etag } };
const renamed = await admin.PATCH("/api/v1/users/{user_id}", { params, body: { name: "Ada Lovelace" } });
check(renamed.data?.name === "Ada Lovelace", "a user is renamed");
const stale = await admin.PATCH("/api/v1/users/{user_id}", { params, body: { name: "Ada" } });
check(stale.error?.code === "precondition_failed", "a stale entity tag is rejected");
const listed = await admin.GET("/api/v1/users", { params: { query: { sort: "name", limit: 50 } } });
check(listed.data?.items.length === 2, "the directory");

let hers = await tokens("ada@example.com", "the analytical engine");
let user = signedIn(hers.access_token);
const forbidden = await user.DELETE("/api/v1/users/{user_id}", ada);
check(forbidden.error?.code === "insufficient_permission", "Ada may not delete");

const registered = await anyone.POST("/api/v1/auth/register", {
  body: { email: "grace@example.com", name: "Grace", password: "a compiler of some kind" },
});
check(registered.data !== undefined, "Grace registers");
const verified = await anyone.POST("/api/v1/auth/verify-email", {
  body: { code: await mailedCode(), registration_token: registered.data.registration_token },
});
check(verified.response.status === 200, "Grace proves her address");

const ticket = await user.POST("/api/v1/tickets", {
  params: { header: { "idempotency-key": "the-engine" } },
  body: { subject: "The engine is stuck", body: "Since this morning.", priority: "normal" },
});
check(ticket.data !== undefined && ticket.data.number !== null, "a ticket with a number");
const about = { params: { path: { ticket_id: ticket.data.id } } };
const reply = await admin.POST("/api/v1/tickets/{ticket_id}/replies", { ...about, body: { body: "Oil it." } });
check(reply.data?.number === 1, "the first reply");
const closed = await admin.PATCH("/api/v1/tickets/{ticket_id}/close", about);
check(closed.data?.status === "closed", "the ticket is closed");
const query = { number: ticket.data.number, status: "closed" } as const;
const found = await user.GET("/api/v1/tickets", { params: { query } });
check(found.data?.items[0]?.id === ticket.data.id, "the ticket is found by its number");

const refreshed = await anyone.POST("/api/v1/auth/refresh-token", { body: refreshTokenOf(hers) });
check(refreshed.data !== undefined, "a new pair");
hers = refreshed.data;
user = signedIn(hers.access_token);
check((await user.POST("/api/v1/auth/logout")).response.status === 204, "Ada logs out");
const ended = await anyone.POST("/api/v1/auth/refresh-token", { body: refreshTokenOf(hers) });
check(ended.error?.code === "invalid_refresh_token", "the session has ended");
check((await admin.DELETE("/api/v1/users/{user_id}", ada)).response.status === 204, "Ada is deleted");
console.log("done");
