"""The one door to HiGHS, the LP solver: loaded when first needed, silent, single-threaded."""

from __future__ import annotations

import os
import sys
from functools import cache
from types import ModuleType
from typing import Any


@cache
def _highspy() -> ModuleType:
    import highspy  # 20 MB that a gateway without a coupled market never needs

    sys.stdout.flush()
    terminal, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has no types
        # the first one writes a banner to the process's stdout before it can be silenced
    finally:
        os.dup2(terminal, 1)
        os.close(terminal)
        os.close(nowhere)
    return highspy


def module() -> Any:
    """highspy itself, for its constants and model types."""
    return _highspy()


def solver() -> Any:
    """A fresh, silent solver on one thread."""
    made = _highspy().Highs()
    made.silent()
    made.setOptionValue("threads", 1)
    return made
