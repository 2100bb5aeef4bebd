"""What happens where an order would trade with another of the same member."""

from __future__ import annotations

from enum import StrEnum


class Prevention(StrEnum):
    """Which of the two gives way. The newest is the one that comes: entered, amended or fired."""

    NONE = "none"
    """Neither: a member may trade with itself."""
    NEWEST = "newest"
    """All that is left of the order that comes is cancelled."""
    OLDEST = "oldest"
    """The order that stands is cancelled."""
    BOTH = "both"
    DECREMENT = "decrement"
    """Both lose the lots of the smaller one; what stands counts with its hidden part."""
