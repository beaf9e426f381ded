"""`python -m doorward_users`: serve the users service as the environment says."""

import sys

from doorward_users.main import main

sys.exit(main())
