"""Response bodies of pictures."""

from pydantic import BaseModel, Field


class AvatarLinks(BaseModel):
    """Where the picture is from now on. Each path names its content, so clients may keep that for ever."""

    picture: str = Field(description="Path of the large size, as in the user.")
    small: str = Field(description="Path of the small size.")
