// jose: ES256 access tokens with the published keys, while the signing key is replaced.
import assert from "node:assert/strict";
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";
import { audience, auth, logIn, report, rotateKeys } from "./installation.js";

// The keys are read again for an unknown one; the pause between two reads is for servers that are attacked.
const keys = createRemoteJWKSet(new URL(`${auth}/jwks.json`), { cooldownDuration: 0 });
const verify = (token) => jwtVerify(token, keys, { issuer: auth, audience, algorithms: ["ES256"], typ: "at+jwt" });
const keyId = (token) => decodeProtectedHeader(token).kid;

const old = (await logIn()).access_token;
assert.equal((await verify(old)).payload.role, "admin");
const renewed = await rotateKeys(keyId);
assert.equal((await verify(renewed)).payload.role, "admin");
assert.equal((await verify(old)).payload.role, "admin");

const [header, claims] = old.split(".");
const forged = [header, claims, renewed.split(".")[2]].join(".");
await assert.rejects(verify(forged), errors.JWSSignatureVerificationFailed);
await assert.rejects(jwtVerify(old, keys, { issuer: auth, audience: "another" }), errors.JWTClaimValidationFailed);

report("jose", "ES256 of jwks.json", "key rotation under way", "forged tokens rejected");
