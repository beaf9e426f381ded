"""Forms that several pages have."""

from doorward_kit.routing import StrictModel


class NoFields(StrictModel):
    """A form that is only a button."""
