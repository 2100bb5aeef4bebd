"""An e-hub on its own: ``python -m tests.settlement.hub_process FILE PORT``.

HUB_DIES is ``before:<key>`` or ``after:<key>``: at the command with that idempotency key, in the middle of
its transaction, or once it is committed but not yet answered.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

import uvicorn
from sqlalchemy import Connection

from tests.settlement.hubs import NOW, TOKEN
from tradelane.gateway.store import Store
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE

T = TypeVar("T")


class Mortal:
    """A store that kills its process before or after committing the work that stores ``key``."""

    def __init__(self, store: Store, when: str, key: str) -> None:
        self._store, self._when, self._key = store, when, key

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        ours = False

        def watched(connection: Connection) -> T:
            nonlocal ours
            answer = work(connection)
            found = connection.exec_driver_sql("SELECT 1 FROM idempotency WHERE key = ?", (self._key,))
            ours = found.first() is not None
            if ours and self._when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        answer = await self._store(watched)
        if ours and self._when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def main(path: str, port: str) -> None:
    store = Store(path)
    store.upgrade(PLACE, HEAD)
    when, _, key = os.environ.get("HUB_DIES", "").partition(":")
    app = create_app(Mortal(store, when, key) if when else store, lambda: NOW, TOKEN, store.read)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
