"""How gunicorn serves the rival: whatever the kind of worker, one core and connections that stay open."""

import os

bind = f"127.0.0.1:{os.environ['DOORWARD_PORT']}"
raw_env = ["DJANGO_SETTINGS_MODULE=bench.rival.settings"]
keepalive = 75
loglevel = "warning"
control_socket_disable = True
