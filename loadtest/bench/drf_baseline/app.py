"""Routes and middleware of the baseline."""
# mypy: disable-error-code=import-untyped
# Django ships no types.

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework_simplejwt.views import token_refresh

from bench.drf_baseline import REFRESH

_Handler = Callable[[HttpRequest], HttpResponse]


def content_length(get_response: _Handler) -> _Handler:
    """Set Content-Length, as CommonMiddleware does among other things."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return handle


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path(REFRESH.removeprefix("/"), token_refresh), path("readyz", ready)]
