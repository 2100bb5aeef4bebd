"""Whom one order would rather trade with."""

from __future__ import annotations

from typing import NamedTuple


class Wish(NamedTuple):
    """What one order says; an empty text says nothing.

    ``partners`` are members it would rather trade with, the dearest first. A sell states its ``origin``
    (solar, wind, …), a buy the ``origins`` it prefers, the dearest first.
    """

    member: str = ""
    community: str = ""
    partners: tuple[str, ...] = ()
    origin: str = ""
    origins: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether it says more than who it is."""
        return bool(self.community or self.partners or self.origins)


NO_WISH = Wish()
