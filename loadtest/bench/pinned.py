"""`python -m bench.pinned CORE[,CORE] COMMAND...`: run a command on these cores, with all its threads."""

import os
import sys

if __name__ == "__main__":
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})
    os.execvp(sys.argv[2], sys.argv[2:])
