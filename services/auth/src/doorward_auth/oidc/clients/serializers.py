"""Registered clients as response bodies."""

from doorward_auth.oidc.clients.registration import ClientWithSecrets
from doorward_auth.oidc.clients.repository import StoredSecret
from doorward_auth.oidc.clients.schemas import Client, ClientSecret, CreatedClient, NewClientSecret


def client_body(found: ClientWithSecrets) -> Client:
    """Return a client without any secret."""
    return Client.model_validate(_members(found))


def created_body(found: ClientWithSecrets, secret: str | None) -> CreatedClient:
    """Return a new client with its secret."""
    return CreatedClient.model_validate({**_members(found), "client_secret": secret})


def secret_body(stored: StoredSecret, secret: str) -> NewClientSecret:
    """Return a new secret."""
    return NewClientSecret(id=stored.id, created_at=stored.created_at, client_secret=secret)


def _members(found: ClientWithSecrets) -> dict[str, object]:
    client = found.client
    members = {name: getattr(client, name) for name in Client.model_fields if hasattr(client, name)}
    secrets = [ClientSecret(id=secret.id, created_at=secret.created_at) for secret in found.secrets]
    return {**members, "disabled": client.is_disabled, "secrets": secrets}
