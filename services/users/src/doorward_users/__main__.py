"""`python -m doorward_users`: serve the users service with settings from the environment."""

import sys

from doorward_users.main import main

sys.exit(main())
