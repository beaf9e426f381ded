"""An S3 server on a free port: moto's, which keeps objects in its memory."""

import sys
from pathlib import Path
from typing import Any, Final

import httpx2
from obstore.store import S3Store
from pydantic import SecretStr

from support.ports import free_port
from support.processes import Process

BUCKET: Final = "pictures"
_ACCESS_KEY: Final = "the access key of tests"
_SECRET_KEY: Final = "the secret key of tests"


class S3Server(Process):
    """A server with one bucket."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            "s3",
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            log=folder / "s3.log",
            ready=self._has_bucket,
        )
        self._objects = S3Store(
            BUCKET,
            endpoint=self.url,
            region="us-east-1",
            access_key_id=_ACCESS_KEY,
            secret_access_key=_SECRET_KEY,
            client_options={"allow_http": True},
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which a service uses the bucket."""
        return {
            "avatar_store": "s3",
            "s3_endpoint": self.url,
            "s3_bucket": BUCKET,
            "s3_prefix": "doorward/avatars",
            "s3_access_key_id": SecretStr(_ACCESS_KEY),
            "s3_secret_access_key": SecretStr(_SECRET_KEY),
        }

    def object_names(self) -> list[str]:
        """Return the names of all objects, in order."""
        return sorted(str(one["path"]) for page in self._objects.list() for one in page)

    def media_type(self, name: str) -> object:
        """Return the media type of an object."""
        return self._objects.get(name).attributes.get("Content-Type")

    def overwrite(self, data: bytes) -> None:
        """Replace the content of every object."""
        for name in self.object_names():
            self._objects.put(name, data)

    def empty(self) -> None:
        """Delete every object."""
        self._objects.delete(self.object_names())

    def _has_bucket(self) -> bool:
        try:
            return httpx2.put(f"{self.url}/{BUCKET}", timeout=5).is_success
        except httpx2.HTTPError:
            return False
