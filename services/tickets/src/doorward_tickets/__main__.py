"""`python -m doorward_tickets`: serve the tickets service as the environment says."""

import sys

from doorward_tickets.main import main

sys.exit(main())
