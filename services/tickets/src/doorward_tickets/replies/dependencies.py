"""Dependencies of endpoints about replies."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_tickets.replies.service import ReplyService

Replies = Annotated[ReplyService, provide(ReplyService)]
