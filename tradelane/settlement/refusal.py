"""Expected refusals as enumerations: each says its code, the field at fault, and why, to a person."""

from __future__ import annotations

from enum import Enum


class Refusals(Enum):
    """To be derived from; the value of each member is (code, field, reason)."""

    @property
    def code(self) -> str:
        return str(self.value[0])

    @property
    def field(self) -> str:
        return str(self.value[1])

    @property
    def reason(self) -> str:
        return str(self.value[2])
