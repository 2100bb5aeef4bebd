"""The e-hub's customs: landed prices kept, declarations, papers, and what is charged at the border."""

from tradelane.settlement.ehub.server.customs.answers import find

__all__ = ["find"]
