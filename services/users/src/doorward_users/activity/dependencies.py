"""Dependencies of endpoints about one's own activity."""

from typing import Annotated

from doorward_identity.audit.service import AuditLog
from doorward_kit.dependencies import provide

Audit = Annotated[AuditLog, provide(AuditLog)]
