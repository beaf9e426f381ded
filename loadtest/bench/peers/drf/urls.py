"""Routes, views and middleware."""
# mypy: disable-error-code="import-untyped,import-not-found,misc"
# Django ships no types, and REST framework is in an environment of its own.

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from rest_framework_simplejwt.views import token_obtain_pair, token_refresh

from bench.peers import drf

_Handler = Callable[[HttpRequest], HttpResponse]


def content_length(get_response: _Handler) -> _Handler:
    """Set Content-Length, as CommonMiddleware does among other things."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return handle


class UserSerializer(ModelSerializer):
    """The fields of a user that other users see."""

    class Meta:
        model = get_user_model()
        fields: ClassVar = ["id", "email", "first_name", "last_name", "is_active", "is_staff", "date_joined"]


class ProfileView(RetrieveAPIView):
    """The own profile, from the database."""

    authentication_classes: ClassVar = [JWTAuthentication]
    permission_classes: ClassVar = [IsAuthenticated]
    serializer_class = UserSerializer

    def get_object(self) -> Any:
        return self.request.user


class ClaimsView(APIView):
    """The token's claims, without the database."""

    authentication_classes: ClassVar = [JWTStatelessUserAuthentication]
    permission_classes: ClassVar = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response(request.auth.payload)


class UserPages(CursorPagination):
    """The paginator of the framework that counts nothing and whose deep pages cost what the first does."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "id"


class UsersView(ListAPIView):
    """A page of the users."""

    authentication_classes: ClassVar = [JWTAuthentication]
    permission_classes: ClassVar = [IsAuthenticated]
    serializer_class = UserSerializer
    pagination_class = UserPages
    queryset = get_user_model().objects.all()


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _route(address: str) -> str:
    return address.removeprefix("/")


urlpatterns = [
    path(_route(drf.LOGIN), token_obtain_pair),
    path(_route(drf.REFRESH), token_refresh),
    path(_route(drf.PROFILE), ProfileView.as_view()),
    path(_route(drf.CLAIMS), ClaimsView.as_view()),
    path(_route(drf.USERS), UsersView.as_view()),
    path("readyz", ready),
]
