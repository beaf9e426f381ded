"""Settings of the baseline, as fast as its documentation allows.

No DEBUG, translations, authentication or throttling; one renderer and one parser. The only middleware saves
the server from chunked responses. Issuer and audience of tokens are not checked.
"""

import os
from datetime import timedelta
from typing import Any, Final

import pymysql
import sqlalchemy as sa

# The services' driver, because with the C client the figure would compare drivers.
pymysql.install_as_MySQLdb()

_DATABASE: Final = sa.make_url(os.environ["DOORWARD_DATABASE_URL"])

DEBUG = False
SECRET_KEY = os.environ["DOORWARD_SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bench.drf_baseline.app"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
]
MIDDLEWARE = ["bench.drf_baseline.app.content_length"]
USE_I18N = False
USE_TZ = True

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": _DATABASE.host,
        "PORT": _DATABASE.port,
        "NAME": _DATABASE.database,
        "USER": _DATABASE.username,
        "PASSWORD": str(_DATABASE.password),
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
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=5),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}
