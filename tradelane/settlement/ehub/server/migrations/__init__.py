"""The e-hub's schema, step by step. ``HEAD`` is the newest revision."""

PLACE = "tradelane.settlement.ehub.server:migrations"
HEAD = "v0023"
