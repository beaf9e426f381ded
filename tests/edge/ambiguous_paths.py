"""Paths that a proxy and an application may interpret differently."""

SOFTENERS = (
    "?role=user",
    "?role=admin&role=user",
    "?role=",
    "?role",
    "?%72ole=user",
    "?/.doorward/any-role",
    "?..;/public/",
    "/%20?role=user",
    "%3Frole=user",
)
ADMIN_PATHS = ("/admin", "/admin/", "/admin/reports", "/%61dmin/reports", "/admin/public/")
AMBIGUOUS = (
    "//admin/",
    "/reports//admin/",
    "/./admin/",
    "/public/../admin/reports",
    "/public/..",
    "/admin/reports/../../reports",
    "/admin/..?role=admin",
    "/reports/..%2fadmin/",
    "/reports%2F..%2Fadmin",
    "/public/%2e%2E/admin/",
    "/admin;x/reports",
    "/admin%3bx/reports",
    "/public/..;/admin/",
    "/public\\..\\admin",
    "/public%5c..%5cadmin",
)
