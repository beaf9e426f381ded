"""A charge for hashes that no client asked for."""

from typing import Final

from doorward_kit.fair_executor import Charge

NOBODY: Final = Charge(())
