-- Privileges of the services in the identity database: the least that their statements need. tests/edge/test_chain.py
-- runs the services with these grants; a statement that needs more fails there with error 1142 or 1143.

-- auth: logins, sessions, codes, rate limits, mail; creates users from registrations, changes passwords and email
-- addresses, roles that an upstream's groups give, and pictures that an upstream has. It may not change names or the
-- disabled state.
GRANT SELECT, INSERT,
    UPDATE (role, email, email_key, email_verified_at, token_version, auth_version, version, updated_at, avatar_id,
        avatar_digest)
    ON users TO doorward_auth;
GRANT SELECT, INSERT, DELETE ON user_search_terms TO doorward_auth;
GRANT SELECT, INSERT, UPDATE ON credentials TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON sign_ins TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON revocations TO doorward_auth;
GRANT SELECT, INSERT, UPDATE ON sentinels TO doorward_auth;
GRANT SELECT, INSERT ON audit_events TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON one_time_codes TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON registration_codes TO doorward_auth;
GRANT SELECT, INSERT, DELETE ON pending_registrations TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON avatars TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON known_devices TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON upstream_identities TO doorward_auth;
GRANT SELECT, INSERT, UPDATE ON upstream_grants TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON upstream_registrations TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON upstream_authorizations TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON upstream_revocations TO doorward_auth;
GRANT SELECT, DELETE ON deleted_users TO doorward_auth;
GRANT SELECT, INSERT, DELETE ON client_events TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_clients TO doorward_auth;
GRANT SELECT, INSERT, DELETE ON oauth_client_secrets TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON browser_sessions TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON authorization_codes TO doorward_auth;
GRANT SELECT, INSERT, UPDATE, DELETE ON consents TO doorward_auth;
GRANT SELECT, UPDATE, DELETE ON logout_deliveries TO doorward_auth;
GRANT SELECT ON user_groups TO doorward_auth;
GRANT SELECT ON group_members TO doorward_auth;
GRANT SELECT ON alembic_version_identity TO doorward_auth;

-- users: manages the directory, sets passwords without reading a hash, ends sessions, forgets devices and codes.
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO doorward_users;
GRANT SELECT, INSERT, DELETE ON user_search_terms TO doorward_users;
GRANT SELECT (user_id), INSERT, UPDATE ON credentials TO doorward_users;
GRANT SELECT (user_id, ended_at, auth_version, oauth_client_id, logout_attempts),
    UPDATE (ended_at, end_reason, auth_version)
    ON sessions TO doorward_users;
GRANT INSERT ON logout_deliveries TO doorward_users;
-- The tokens of a deleted user, which are encrypted: users has no key.
GRANT SELECT (id, user_id, provider, access_token, refresh_token, key_id, access_expires_at, refresh_expires_at),
    UPDATE (due_at)
    ON upstream_grants TO doorward_users;
GRANT SELECT (user_id, provider, subject) ON upstream_identities TO doorward_users;
GRANT INSERT ON upstream_revocations TO doorward_users;
GRANT SELECT, INSERT, UPDATE ON revocations TO doorward_users;
GRANT SELECT, INSERT, UPDATE ON sentinels TO doorward_users;
GRANT SELECT, INSERT ON audit_events TO doorward_users;
GRANT SELECT (user_id), DELETE ON known_devices TO doorward_users;
GRANT SELECT (user_id), DELETE ON one_time_codes TO doorward_users;
GRANT INSERT ON outbox TO doorward_users;
GRANT SELECT (position), INSERT, UPDATE ON deleted_users TO doorward_users;
GRANT SELECT, INSERT, UPDATE, DELETE ON avatars TO doorward_users;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_groups TO doorward_users;
GRANT SELECT, INSERT, DELETE ON group_members TO doorward_users;
GRANT SELECT ON alembic_version_identity TO doorward_users;
