"""Dependencies of endpoints about tickets."""

from typing import Annotated

from doorward_kit.dependencies import provide
from doorward_tickets.tickets.service import TicketService

Tickets = Annotated[TicketService, provide(TicketService)]
