"""`python -m doorward`: the same as the command `doorward`."""

import sys

from doorward.cli import main

sys.exit(main())
