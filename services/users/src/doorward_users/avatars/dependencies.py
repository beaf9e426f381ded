"""Dependencies of the endpoints of pictures."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_users.avatars.service import AvatarService

UserAvatars = Annotated[AvatarService, provide(AvatarService)]
