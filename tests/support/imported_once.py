"""Imported last by the process from which the services are forked: what all of them would do at each start.

The objects of imported modules leave garbage collection here. Otherwise the collection of each start would
visit a hundred thousand of them, and so copy the memory that it shares with this process.
"""

import gc
import importlib
import random
from typing import Final

for _name in (
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "doorward_kit.event_loop",
):
    importlib.import_module(_name)  # uvicorn does so when it starts

GENERATORS: Final = [found for found in gc.get_objects() if isinstance(found, random.Random)]
"""Random generators of imported modules."""

gc.collect()
gc.freeze()
