"""`python -m doorward_auth`: serve the auth service as the environment says."""

import sys

from doorward_auth.main import main

sys.exit(main())
