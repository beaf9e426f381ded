"""The service that the endpoint of the audit log depends on."""

from typing import Annotated

from doorward_identity.audit.service import AuditLog
from doorward_kit.dependencies import provide

Audit = Annotated[AuditLog, provide(AuditLog)]
