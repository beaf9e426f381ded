// What the programs here have in common: where Doorward is, its accounts, a rotation of its keys, a browser.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const environment = process.env;
export const auth = `${environment.DOORWARD_URL}/api/v1/auth`;
export const email = environment.DOORWARD_EMAIL;
export const password = environment.DOORWARD_PASSWORD;
export const service = { id: environment.DOORWARD_SERVICE_ID, secret: environment.DOORWARD_SERVICE_SECRET };
export const application = {
  id: environment.DOORWARD_CLIENT_ID,
  secret: environment.DOORWARD_CLIENT_SECRET,
  url: environment.DOORWARD_APPLICATION,
};
export const audience = "doorward";

export async function logIn() {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ email, password });
  const response = await fetch(`${auth}/token`, { method: "POST", headers, body });
  assert.equal(response.status, 200);
  return response.json();
}

// Let a new key sign from now on, while the server runs; return an access token of the new key.
export async function rotateKeys(keyIdOf) {
  const before = keyIdOf((await logIn()).access_token);
  const [command, ...parameters] = JSON.parse(environment.DOORWARD_ROTATE);
  execFileSync(command, parameters, { stdio: ["ignore", process.stderr, process.stderr] });
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    const token = (await logIn()).access_token;
    if (keyIdOf(token) !== before) return token;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("the new key does not sign");
}

// Let a person open an address in a browser; return where in the application the browser ends.
export function visit(url) {
  const [command, ...parameters] = JSON.parse(environment.DOORWARD_VISIT);
  return new URL(execFileSync(command, [...parameters, url.href], { encoding: "utf8" }).trim());
}

export function report(name, ...did) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  console.log(JSON.stringify({ client: name, version, did }));
}
