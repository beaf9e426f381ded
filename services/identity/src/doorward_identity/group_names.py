"""Names of groups: texts that clients compare, so that they are plain."""

from typing import Annotated

from pydantic import Field

from doorward_identity.oauth_tables import GROUP_NAME_LENGTH

GroupName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
        min_length=1,
        max_length=GROUP_NAME_LENGTH,
        examples=["ops"],
        description="Letters, digits, and `. _ : / @ -`; compared by case.",
    ),
]
"""No spaces and commas: they separate names in lists."""
