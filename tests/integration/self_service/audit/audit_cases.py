"""A request for each type of security event, and the expected events."""

from typing import Final

from doorward_identity.audit.repository import AuditAction
from integration.self_service.audit import (
    credential_cases,
    directory_cases,
    registration_cases,
    rejected_call_cases,
    sign_in_cases,
)
from integration.self_service.audit.audit_setup import Case

CASES: Final[list[tuple[AuditAction, Case]]] = [
    (AuditAction.LOGIN_SUCCEEDED, sign_in_cases.logs_in),
    (AuditAction.LOGIN_FAILED, sign_in_cases.fails_to_log_in),
    (AuditAction.LOGIN_FAILED, sign_in_cases.fails_to_log_in_as_nobody),
    (AuditAction.STEP_UP_SUCCEEDED, sign_in_cases.steps_up),
    (AuditAction.SESSION_ENDED, sign_in_cases.logs_out),
    (AuditAction.SESSIONS_ENDED, sign_in_cases.ends_somebodys_sessions),
    (AuditAction.REFRESH_REUSED, sign_in_cases.replays_a_refresh_token),
    (AuditAction.TOKEN_REVOKED, sign_in_cases.revokes_a_token),
    (AuditAction.CLIENT_REJECTED, sign_in_cases.sends_a_wrong_client_secret),
    (AuditAction.REGISTERED, registration_cases.registers),
    (AuditAction.REGISTERED, registration_cases.registers_again),
    (AuditAction.EMAIL_VERIFIED, registration_cases.verifies),
    (AuditAction.EMAIL_VERIFICATION_FAILED, registration_cases.fails_to_prove_an_address),
    (AuditAction.EMAIL_VERIFICATION_FAILED, registration_cases.enters_a_wrong_code),
    (AuditAction.EMAIL_VERIFICATION_FAILED, registration_cases.enters_no_code),
    (AuditAction.INVITATION_FAILED, registration_cases.enters_a_wrong_code_of_an_invitation),
    (AuditAction.PASSWORD_CHECK_FAILED, credential_cases.enters_a_wrong_current_password),
    (AuditAction.PASSWORD_CHECK_FAILED, credential_cases.enters_a_wrong_password_for_another_address),
    (AuditAction.PASSWORD_CHECK_FAILED, sign_in_cases.fails_to_step_up),
    (AuditAction.EMAIL_CHANGE_FAILED, credential_cases.finds_the_address_taken),
    (AuditAction.CALL_REJECTED_BY_AUTH, rejected_call_cases.reads_the_audit_log_without_permission),
    (AuditAction.CALL_REJECTED_BY_AUTH, rejected_call_cases.ends_sessions_without_permission),
    (AuditAction.CALL_REJECTED_BY_AUTH, rejected_call_cases.registers_a_client_long_after_the_login),
    (AuditAction.CALL_REJECTED_BY_USERS, rejected_call_cases.deletes_without_permission),
    (AuditAction.CALL_REJECTED_BY_USERS, rejected_call_cases.demotes_the_last_administrator),
    (AuditAction.CALL_REJECTED_BY_USERS, rejected_call_cases.sets_the_own_address),
    (AuditAction.CALL_REJECTED_BY_USERS, rejected_call_cases.sets_the_own_password),
    (AuditAction.PASSWORD_CHANGED, credential_cases.changes_the_password),
    (AuditAction.PASSWORD_CHANGED, credential_cases.changes_the_password_by_address),
    (AuditAction.PASSWORD_RESET_ASKED, credential_cases.asks_for_a_reset),
    (AuditAction.PASSWORD_RESET_ASKED, credential_cases.asks_for_a_reset_of_nobody),
    (AuditAction.PASSWORD_RESET, credential_cases.resets),
    (AuditAction.PASSWORD_RESET_FAILED, credential_cases.fails_to_reset),
    (AuditAction.PASSWORD_RESET_FAILED, credential_cases.fails_to_reset_nobody),
    (AuditAction.EMAIL_CHANGE_ASKED, credential_cases.asks_for_an_address),
    (AuditAction.EMAIL_CHANGED, credential_cases.confirms_an_address),
    (AuditAction.EMAIL_CHANGE_FAILED, credential_cases.fails_to_confirm_an_address),
    (AuditAction.INVITATION_ACCEPTED, registration_cases.accepts_an_invitation),
    (AuditAction.ACCOUNT_CREATED, directory_cases.creates),
    (AuditAction.ACCOUNT_CREATED, directory_cases.invites),
    (AuditAction.ACCOUNT_INVITED, directory_cases.invites_again),
    (AuditAction.ACCOUNT_UPDATED, directory_cases.updates),
    (AuditAction.ACCOUNT_UPDATED, directory_cases.renames_herself),
    (AuditAction.ACCOUNT_DELETED, directory_cases.deletes),
    (AuditAction.AVATAR_SET, directory_cases.sets_a_picture),
    (AuditAction.AVATAR_DELETED, directory_cases.deletes_a_picture),
    (AuditAction.DIRECTORY_EXPORTED, directory_cases.exports),
    (AuditAction.MAIL_RESENT, directory_cases.resends_a_dead_letter),
    (AuditAction.MAIL_DISCARDED, directory_cases.discards_a_dead_letter),
]
COMMANDS: Final = {
    AuditAction.ACCOUNT_IMPORTED,
    AuditAction.DIRECTORY_EXPORTED_BY_COMMAND,
    AuditAction.ADMIN_CREATED,
    AuditAction.ADMIN_PROMOTED,
    AuditAction.ADMIN_PASSWORD_SET,
    AuditAction.VAULT_ROTATED,
}
UPSTREAMS: Final = {
    AuditAction.UPSTREAM_LINKED,
    AuditAction.UPSTREAM_UNLINKED,
    AuditAction.UPSTREAM_TOKEN_READ,
    AuditAction.UPSTREAM_ROLE_CHANGED,
    AuditAction.UPSTREAM_PICTURE_SET,
    AuditAction.UPSTREAM_GRANT_ENDED,
    AuditAction.UPSTREAM_GRANT_LOST,
}
"""Not of a request to a service with its default settings: see tests/integration/upstream."""

PROVIDER: Final = {
    AuditAction.CLIENT_CREATED,
    AuditAction.CLIENT_UPDATED,
    AuditAction.CLIENT_DELETED,
    AuditAction.CLIENT_SECRET_ADDED,
    AuditAction.CLIENT_SECRET_REMOVED,
    AuditAction.CLIENT_SIGNED_IN,
    AuditAction.CONSENT_GRANTED,
    AuditAction.CONSENT_WITHDRAWN,
    AuditAction.GROUP_CREATED,
    AuditAction.GROUP_UPDATED,
    AuditAction.GROUP_DELETED,
    AuditAction.GROUP_MEMBER_ADDED,
    AuditAction.GROUP_MEMBER_REMOVED,
}
"""Recorded by tests/integration/oidc/provider_lifecycle.py, which test_grants.py runs and checks."""

OF_CODES: Final = {AuditAction.CODE_REUSED}
"""See tests/integration/oidc/test_code_validity.py."""
