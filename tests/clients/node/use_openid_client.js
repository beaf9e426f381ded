// openid-client: discovery, sign-in with a browser, grants, errors, introspection, revocation.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { application, auth, email, password, report, service, visit } from "./installation.js";

const loopback = { execute: [client.allowInsecureRequests] };
const config = await client.discovery(new URL(auth), "an-application", undefined, client.None(), loopback);
assert.equal(config.serverMetadata().token_endpoint, `${auth}/token`);
assert.equal(config.serverMetadata().issuer, auth);
const oauth = { ...loopback, algorithm: "oauth2" };
const trusted = await client.discovery(
  new URL(auth),
  service.id,
  service.secret,
  client.ClientSecretBasic(service.secret),
  oauth,
);

async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof client.ResponseBodyError, String(error));
    return error.error;
  }
  throw new Error("no error");
}

const library = await client.discovery(new URL(auth), application.id, application.secret, undefined, loopback);
const checks = {
  pkceCodeVerifier: client.randomPKCECodeVerifier(),
  expectedState: client.randomState(),
  expectedNonce: client.randomNonce(),
};
const authorization = client.buildAuthorizationUrl(library, {
  redirect_uri: `${application.url}/signed-in`,
  scope: "openid profile email",
  code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
  code_challenge_method: "S256",
  state: checks.expectedState,
  nonce: checks.expectedNonce,
});
const signedIn = await client.authorizationCodeGrant(library, visit(authorization), checks);
const person = signedIn.claims();
assert.equal(person.email, email);
const renewed = await client.refreshTokenGrant(library, signedIn.refresh_token);
assert.equal(renewed.claims().sub, person.sub);
const profile = await client.fetchUserInfo(library, renewed.access_token, person.sub);
assert.equal(profile.email, email);
const signOut = client.buildEndSessionUrl(library, {
  id_token_hint: renewed.id_token,
  post_logout_redirect_uri: `${application.url}/signed-out`,
  state: "left",
});
assert.equal(visit(signOut).href, `${application.url}/signed-out?state=left`);
assert.equal(await errorOf(client.refreshTokenGrant(library, renewed.refresh_token)), "invalid_grant");

const logIn = (username, password) => client.genericGrantRequest(config, "password", { username, password });

const first = await logIn(email, password);
assert.equal(first.token_type, "bearer");
const second = await client.refreshTokenGrant(config, first.refresh_token);
assert.notEqual(second.refresh_token, first.refresh_token);
const me = await client.fetchProtectedResource(config, second.access_token, new URL(`${auth}/me`), "GET");
assert.equal((await me.json()).role, "admin");

assert.equal(await errorOf(logIn(email, "wrong")), "invalid_grant");
assert.equal(await errorOf(client.refreshTokenGrant(config, "wrong")), "invalid_grant");
assert.equal(await errorOf(logIn(email, "")), "invalid_request");
assert.equal(await errorOf(client.genericGrantRequest(config, "urn:example:unknown", {})), "unsupported_grant_type");

const active = await client.tokenIntrospection(trusted, second.access_token);
assert.deepEqual([active.active, active.role], [true, "admin"]);
assert.deepEqual(await client.tokenIntrospection(trusted, "wrong"), { active: false });
await client.tokenRevocation(trusted, second.refresh_token);
await client.tokenRevocation(trusted, "wrong");
assert.deepEqual(await client.tokenIntrospection(trusted, second.refresh_token), { active: false });
assert.equal(await errorOf(client.refreshTokenGrant(config, second.refresh_token)), "invalid_grant");
const withWrongSecret = await client.discovery(new URL(auth), service.id, "wrong", client.ClientSecretBasic("wrong"), oauth);
await assert.rejects(client.tokenRevocation(withWrongSecret, "wrong"), (error) => {
  const challenge = error instanceof client.WWWAuthenticateChallengeError ? error.cause[0].scheme : error.error;
  return ["basic", "invalid_client"].includes(challenge);
});

report("openid-client", "discovery", "code with PKCE, nonce and state", "userinfo", "sign-out", "password grant", "refresh", "errors", "introspection", "revocation");
