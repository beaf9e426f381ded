"""Members of a JSON body that may be left out, and are never null."""

from typing import Annotated, Any, TypeVar

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError

T = TypeVar("T")


class _WithoutNull:
    """Leaves null out of the JSON Schema. SkipJsonSchema would put names of types into pointers of errors."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        document = handler(schema)
        kept = [schema for schema in document.pop("anyOf", []) if schema != {"type": "null"}]
        return {**document, **kept[0]} if len(kept) == 1 else {**document, "anyOf": kept}


Omissible = Annotated[T | None, _WithoutNull()]
"""None says that the member was left out. The model rejects a null itself, with `reject_null`."""


def reject_null(value: object) -> object:
    """Return a member of a body; raises PydanticCustomError for null."""
    if value is None:
        raise PydanticCustomError(
            "null_not_allowed", "Omit the member to keep its value; null is not allowed."
        )
    return value
