-- What tickets may do in its own database: what it does, and nothing else. Its statements run under these
-- grants in tests/edge/test_chain.py; a statement that needs more fails there with error 1142 or 1143.

GRANT SELECT, INSERT, UPDATE ON tickets TO doorward_tickets;
GRANT SELECT, INSERT ON replies TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE ON people TO doorward_tickets;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO doorward_tickets;
GRANT SELECT ON tickets_schema TO doorward_tickets;
