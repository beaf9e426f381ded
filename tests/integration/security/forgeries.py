"""Attacks 1 to 18 on access tokens, each a way to turn a good token into a forged one."""

from collections.abc import Iterator
from typing import Any, Final

from doorward_client.keys.secret_strength import key_id
from integration.harness.forgery import (
    ABSENT,
    TokenForgery,
    parts,
    sign,
    text_forgeries,
    unsigned,
    with_claims,
    with_header,
    with_raw_claims,
)

RETIRED_KEY: Final = "a-retired-key-that-once-signed-0123456789abcdef"
_JSON_KEY: Final = b'{"kty":"oct","k":"AAAA"}'
_BIG: Final = 2**53

_WRONG: Final[dict[str, list[Any]]] = {
    "iss": [ABSENT, None, "", "other", ["doorward"], 1, {}, "Doorward", "doorward "],
    "aud": [ABSENT, None, "", "tickets", ["tickets"], [["doorward"]], [], 1, {}],
    "sub": [ABSENT, None, "", "x", 1, ["x"], "00000000000000000000000000000000", "' OR 1=1 --"],
    "sid": [ABSENT, None, "", "x", 1, True, "{00000000-0000-0000-0000-000000000000}"],
    "jti": [ABSENT, None, "", 1, []],
    "iat": [ABSENT, None, "", "1", 1.5, True, 9_999_999_999, _BIG],
    "exp": [ABSENT, None, "", "9999999999", 1.5e10, True, 0, -1, [], 1, -_BIG],
    "nbf": [None, "", 9_999_999_999, _BIG, 1.5],
    "role": [ABSENT, None, "", "Admin", ["admin"], 1, True, "admin,user"],
    "token_version": [ABSENT, None, "", "0", 0.5, True, [], -1, 2**31],
}


def forgeries() -> Iterator[tuple[str, TokenForgery]]:
    """Yield every forgery with a name that begins with its number where it has one."""
    yield from text_forgeries()
    yield from _algorithms()
    yield from _headers()
    for claim, values in _WRONG.items():
        for value in values:
            shown = "absent" if value is ABSENT else repr(value)
            yield f"6-11 {claim} {shown}", with_claims({claim: value})
    yield from _raw_claims()


def _algorithms() -> Iterator[tuple[str, TokenForgery]]:
    for name in ("none", "None", "NONE", "NoNe", "nOnE", ""):
        yield f"1 alg {name!r} unsigned", unsigned(name)
        yield f"1 alg {name!r} signed", with_header({"alg": name})
    for name, digest in (("HS384", "sha384"), ("HS512", "sha512"), ("hs256", "sha256"), ("HS1", "sha1")):
        yield f"2 {name}", with_header({"alg": name}, digest=digest)
        yield (
            f"2 {name} under the name of HS256",
            with_header({}, digest=digest) if digest != "sha256" else (with_header({"alg": name})),
        )
    for name in ("RS256", "RS512", "ES256", "PS256", "EdDSA", "dir", "A256GCM", "ECDH-ES"):
        yield f"3 {name} with the symmetric key", with_header({"alg": name})
    for value in (None, 1, True, ["HS256"], {"alg": "HS256"}):
        yield f"3 alg {value!r}", with_header({"alg": value})
    yield "3 alg absent", with_header({"alg": ABSENT})
    for name, secret in {
        "empty": b"",
        "NUL": b"\0",
        "JSON": _JSON_KEY,
        "kid": b"doorward",
        "null": b"null",
    }.items():
        yield f"15 {name} secret", with_header({}, secret=secret)
    retired = RETIRED_KEY.encode()
    yield "16 retired key", with_header({"kid": key_id(RETIRED_KEY.encode())}, secret=retired)
    yield "16 retired key under the current id", with_header({}, secret=retired)


def _headers() -> Iterator[tuple[str, TokenForgery]]:
    embedded = {"kty": "oct", "k": "AAAA", "alg": "HS256"}
    url = "https://attacker.example/keys"
    for name, value in {"jwk": embedded, "jku": url, "x5u": url, "x5c": ["AAAA"], "x5t": "AAAA"}.items():
        yield f"4 {name}", with_header({name: value})
        yield f"4 {name} signed with it", with_header({name: value}, secret=b"\0\0\0")
    kids: tuple[Any, ...] = (
        "../../../dev/null",
        "/dev/null",
        "' UNION SELECT 'x' --",
        "",
        None,
        0,
        True,
        [],
        {},
        "x" * 900,
    )
    for kid in kids:
        yield f"4 kid {str(kid)[:30]!r}", with_header({"kid": kid})
        yield f"4 kid {str(kid)[:30]!r}, empty key", with_header({"kid": kid}, secret=b"")
    yield "4 kid absent", with_header({"kid": ABSENT})
    for crit in (["x"], ["exp"], [], "x", None, ["b64"]):
        yield f"5 crit {crit!r}", with_header({"crit": crit, "x": 1, "b64": False})
        yield f"5 crit {crit!r} alone", with_header({"crit": crit})
    yield "5 zip", with_header({"zip": "DEF"})
    yield "5 b64", with_header({"b64": True})
    for kind in (
        ABSENT,
        None,
        "",
        "JWT",
        "jwt",
        "rt+jwt",
        "verify+jwt",
        "application/at+jwt",
        "AT+JWT",
        1,
        [],
    ):
        yield f"9-10 typ {'absent' if kind is ABSENT else kind!r}", with_header({"typ": kind})
    for header in (b"null", b"[]", b"1", b'"x"', b"{}", b"", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}"):
        yield f"header {header!r}", lambda token, header=header: sign(header, parts(token)[1])  # type: ignore[misc]


def _raw_claims() -> Iterator[tuple[str, TokenForgery]]:
    for name in ("exp", "iat", "nbf", "token_version"):
        for value in ("1e999", "-1e999", "NaN", "Infinity", "1" * 400, "9" * 3000, "[" * 1000):
            yield (
                f"11 {name} {value[:12]}",
                with_raw_claims(
                    lambda text, name=name, value=value: (
                        f'{{"{name}":{value},' + text.replace(f'"{name}"', '"x"')[1:]
                    )  # type: ignore[misc]
                ),
            )
    for name, value in {"role": '"admin"', "sub": '"x"', "exp": "9999999999", "aud": '"doorward"'}.items():
        yield f"13 {name} first", with_raw_claims(lambda text, n=name, v=value: f'{{"{n}":{v},' + text[1:])  # type: ignore[misc]
        yield f"13 {name} last", with_raw_claims(lambda text, n=name, v=value: text[:-1] + f',"{n}":{v}}}')  # type: ignore[misc]
    yield "lone surrogate", with_raw_claims(lambda text: text.replace('"jti": "', '"jti": "\\ud800'))
    yield "raw surrogate", with_raw_claims(lambda text: text.replace('"jti": "', '"jti": "\ud800'))
    yield "NUL", with_raw_claims(lambda text: text.replace('"jti": "', '"jti": "\\u0000'))
    for text in ("null", "[]", "1", '"x"', "{}", ""):
        yield f"claims {text!r}", with_raw_claims(lambda _text, text=text: text)  # type: ignore[misc]
