"""An S3 server on a free port: moto's, which keeps objects in its memory."""

import re
import sys
from pathlib import Path
from typing import Any, Final

import httpx2
from pydantic import SecretStr

from support.ports import free_port
from support.processes import Process

BUCKET: Final = "pictures"


class S3Server(Process):
    """A server with one bucket; `requests` outside it are those of a service."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            "s3",
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            log=folder / "s3.log",
            ready=self._has_bucket,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which a service uses the bucket."""
        return {
            "avatar_store": "s3",
            "s3_endpoint": self.url,
            "s3_bucket": BUCKET,
            "s3_prefix": "doorward/avatars",
            "s3_access_key_id": SecretStr("an access key"),
            "s3_secret_access_key": SecretStr("a secret key"),
        }

    def object_names(self) -> list[str]:
        """Return the names of all objects."""
        answer = httpx2.get(f"{self.url}/{BUCKET}?list-type=2", timeout=30)
        return re.findall(r"<Key>([^<]+)</Key>", answer.text)

    def empty(self) -> None:
        """Delete every object."""
        for key in self.object_names():
            httpx2.delete(f"{self.url}/{BUCKET}/{key}", timeout=30)

    def _has_bucket(self) -> bool:
        try:
            return httpx2.put(f"{self.url}/{BUCKET}", timeout=5).is_success
        except httpx2.HTTPError:
            return False
