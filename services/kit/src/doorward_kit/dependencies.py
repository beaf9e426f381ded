"""Dependencies of endpoints: each feature names its service by class.

    Directory = Annotated[DirectoryService, provide(DirectoryService)]

`app.create_service` finds the service in its container, by the class of the field. So a feature's
endpoints import only its own service, and no feature imports the container.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

T = TypeVar("T")

_BY_TYPE: Final = "services_by_type"


@dataclasses.dataclass(frozen=True, slots=True)
class ServiceDependency(Generic[T]):
    """A dependency that returns the application's one service of class `kind`."""

    kind: type[T]

    async def __call__(self, request: Request) -> T:
        service: T = getattr(request.app.state, _BY_TYPE)[self.kind]
        return service


def provide(kind: type[Any]) -> Any:
    """Return the `Depends(...)` for the service of class `kind`."""
    return Depends(ServiceDependency(kind))


def setup_services(app: FastAPI, services: Any) -> None:
    """Give the application its container, a dataclass; call it when all routes are there.

    Raises TypeError for two fields of one class, and for a route that depends on a class without a field.
    """
    app.state.services = services
    by_type = _by_type(services)
    setattr(app.state, _BY_TYPE, by_type)
    for route in (route for route in app.routes if isinstance(route, APIRoute)):
        for kind in _required_by(route.dependant):
            if kind not in by_type:
                raise TypeError(f"{type(services).__name__} has no {kind.__name__}, which {route.path} needs")


def _by_type(services: Any) -> Mapping[type, object]:
    found: dict[type, object] = {}
    for field in () if services is None else dataclasses.fields(services):
        service = getattr(services, field.name)
        if type(service) in found:
            raise TypeError(f"{type(services).__name__} has two fields of class {type(service).__name__}")
        found[type(service)] = service
    return found


def _required_by(dependant: Dependant) -> Iterator[type]:
    if isinstance(dependant.call, ServiceDependency):
        yield dependant.call.kind
    for dependency in dependant.dependencies:
        yield from _required_by(dependency)
