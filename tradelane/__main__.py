"""``python -m tradelane``: the same as the ``tradelane`` program."""

from tradelane.gateway.cli import main

main()
