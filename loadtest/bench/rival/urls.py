"""Routes of the rival."""
# mypy: disable-error-code=import-untyped
# Django ships no types.

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework_simplejwt.views import token_refresh

from bench.rival import REFRESH


def ready(_request: HttpRequest) -> HttpResponse:
    """Answer as soon as the process serves."""
    return HttpResponse()


urlpatterns = [path(REFRESH.removeprefix("/"), token_refresh), path("readyz", ready)]
