"""Dependencies of endpoints about notifications."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_tickets.notifications.subscriptions import SubscriptionService

Subscriptions = Annotated[SubscriptionService, provide(SubscriptionService)]
