-- Privileges of tickets in its own database: the least that its statements need. tests/edge/test_chain.py and
-- tests/integration/tickets run with these grants; a statement that needs more fails with error 1142 or 1143.

GRANT SELECT, INSERT, UPDATE, DELETE ON tickets TO doorward_tickets;
GRANT SELECT, INSERT ON ticket_numbers TO doorward_tickets;
GRANT SELECT, INSERT, DELETE ON ticket_search_terms TO doorward_tickets;
GRANT SELECT, INSERT, DELETE ON replies TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON deleted_tickets TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE ON user_snapshots TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE ON user_storage TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE ON feed_cursors TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON notification_mutes TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON pending_notifications TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON tickets_outbox TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO doorward_tickets;
GRANT SELECT ON alembic_version_tickets TO doorward_tickets;
