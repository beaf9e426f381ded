"""What alerts and the dashboard read from the proxies of the database."""

from typing import Final

_PROXY: Final = frozenset({"proxy"})
_NODE: Final = frozenset({"proxy", "server"})

LABELS: Final = {
    "haproxy_backend_active_servers": _PROXY,
    "haproxy_backend_backup_servers": _PROXY,
    "haproxy_frontend_current_sessions": _PROXY,
    "haproxy_frontend_limit_sessions": _PROXY,
    "haproxy_server_check_failures_total": _NODE,
    "haproxy_server_connection_errors_total": _NODE,
    "haproxy_server_current_sessions": _NODE,
    "haproxy_server_status": _NODE | {"state"},
}
"""The labels of each metric. tests/edge/test_database_proxy_metrics.py compares them with HAProxy."""
