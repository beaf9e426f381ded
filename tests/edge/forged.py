"""Headers with which a client could forge its identity or its origin."""

from collections.abc import Mapping
from typing import Final

FORGED: Final[Mapping[str, str]] = {
    "X-Forwarded-For": "203.0.113.66",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded": "for=203.0.113.66",
    "Forwarded": "for=203.0.113.66;host=evil.example",
    "X-Real-IP": "203.0.113.66",
    "X-Client-IP": "203.0.113.66",
    "X-Cluster-Client-IP": "203.0.113.66",
    "X-Originating-IP": "203.0.113.66",
    "True-Client-IP": "203.0.113.66",
    "CF-Connecting-IP": "203.0.113.66",
    "X-Doorward-User": "00000000-0000-7000-8000-000000000666",
    "X-Doorward-Role": "admin",
    "X-User": "admin",
    "X-User-Id": "1",
    "X-Username": "admin",
    "X-Auth-Request-User": "admin",
    "X-Auth-Request-Email": "admin@example.com",
    "X-Authenticated-User": "admin",
    "X-Remote-User": "admin",
    "Remote-User": "admin",
    "Remote-Groups": "admin",
    "X-SSL-Client-Verify": "SUCCESS",
    "X-Client-Cert": "forged",
    "X-Client-Request-ID": "forged",
    "X-Original-URL": "/metrics",
    "X-Rewrite-URL": "/metrics",
    "X-HTTP-Method-Override": "DELETE",
    "X-Method-Override": "DELETE",
    "Proxy": "http://203.0.113.66/",
    "Upgrade": "h2c",
    "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA",
    "X_Doorward_User": "admin",
    "X_Forwarded_For": "203.0.113.66",
}
SET_BY_THE_EDGE: Final = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"}
