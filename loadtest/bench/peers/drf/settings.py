"""Settings, as fast as the documentation allows.

No DEBUG, translations or throttling; one renderer and one parser. The only middleware saves the server from
chunked responses. Issuer and audience of tokens are not checked. Hashes and lifetimes are the defaults.
"""

import os
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pymysql

# The services' driver, because with the C client the figure would compare drivers.
pymysql.install_as_MySQLdb()

_DATABASE: Final = urlsplit(os.environ["PEER_DATABASE_URL"])

DEBUG = False
SECRET_KEY = os.environ["PEER_SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bench.peers.drf.urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
]
MIDDLEWARE = ["bench.peers.drf.urls.content_length"]
USE_I18N = False
USE_TZ = True

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": _DATABASE.hostname,
        "PORT": _DATABASE.port,
        "NAME": _DATABASE.path.removeprefix("/"),
        "USER": unquote(_DATABASE.username or ""),
        "PASSWORD": unquote(_DATABASE.password or ""),
        # Persistent connections, also under ASGI, because a connection for each request is slower.
        "CONN_MAX_AGE": None,
        "OPTIONS": {"charset": "utf8mb4", "ssl_disabled": True},
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
