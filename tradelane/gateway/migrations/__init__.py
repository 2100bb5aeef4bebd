"""The schema of the edge's and the zone's file, step by step; ``tables.py`` says what it has become."""

PLACE = "tradelane.gateway:migrations"
HEAD = "0006"
"""The revision this code works with."""
