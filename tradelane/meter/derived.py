"""Values that are worked out from several registers, which may come in different requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tradelane.meter.reading import DECIMALS, Value


class Derived(Protocol):
    """``value``: its name in a reading; ``parts``: the names under which its registers are read."""

    @property
    def value(self) -> str: ...

    @property
    def parts(self) -> tuple[str, ...]: ...

    def of(self, answered: Mapping[str, Value]) -> Value: ...


@dataclass(frozen=True, slots=True)
class Sum:
    """All parts together: strings of modules, phases. Unknown when a part is, unless it may be ``absent``:
    such a part counts as 0 as long as another is known."""

    value: str
    parts: tuple[str, ...]
    absent: frozenset[str] = field(default_factory=frozenset)

    def of(self, answered: Mapping[str, Value]) -> Value:
        known = [number for part in self.parts if (number := answered.get(part)) is not None]
        if not known or any(answered.get(part) is None and part not in self.absent for part in self.parts):
            return None
        total = sum(known)
        return total if isinstance(total, int) else round(total, DECIMALS) + 0.0


@dataclass(frozen=True, slots=True)
class First:
    """The first part that is known: models and firmware that keep the same value in different places."""

    value: str
    parts: tuple[str, ...]

    def of(self, answered: Mapping[str, Value]) -> Value:
        known = (answered[part] for part in self.parts if answered.get(part) is not None)
        return next(known, None)


@dataclass(frozen=True, slots=True)
class Signed:
    """The size of its first part; minus when the bits ``mask`` of the second are not all 0.

    For devices whose firmware cannot agree on a sign, but say which way it flows in a status word.
    """

    value: str
    parts: tuple[str, str]
    mask: int

    def of(self, answered: Mapping[str, Value]) -> Value:
        size, status = (answered.get(part) for part in self.parts)
        if size is None or status is None:
            return None
        return -abs(size) if int(status) & self.mask else abs(size)
