"""Asking another service that the same process serves."""

import asyncio

import httpx2


class InProcessTransport(httpx2.ASGITransport):
    """Hands requests to an application without a network.

    Each in a task of its own: what the application notes of its request (its id, its address) must not
    replace what the asking one noted of the request that it serves.
    """

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        return await asyncio.create_task(super().handle_async_request(request))
