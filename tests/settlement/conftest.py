"""Real e-hubs: database files prepared once and copied, uvicorn on ephemeral ports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.settlement.hubs import NOW, TOKEN, Hub, furnish, run, running
from tradelane.gateway.store import Store, opened
from tradelane.settlement.ehub.client import HubClient
from tradelane.settlement.ehub.server.app import create_app
from tradelane.settlement.ehub.server.migrations import HEAD, PLACE


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the accounts of a trade, to be copied."""
    path = tmp_path_factory.mktemp("template") / "hub.sqlite"
    with opened(path, PLACE, HEAD) as store:
        transport = httpx2.ASGITransport(create_app(store, lambda: NOW, TOKEN, store.read))
        run(HubClient("http://hub", TOKEN, transport), furnish)
    return path


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the hub's schema and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("template") / "empty.sqlite"
    with opened(path, PLACE, HEAD):
        return path


@pytest.fixture
def store(empty: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with the hub's schema and nothing in it."""
    with opened(shutil.copy(empty, tmp_path), PLACE, HEAD) as store:
        yield store


@pytest.fixture
def market(furnished: Path, tmp_path: Path) -> Iterator[Hub]:
    """A hub over real HTTP with the accounts of a trade."""
    with running(furnished, tmp_path) as hub:
        yield hub


@pytest.fixture(scope="module")
def shared_market(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """One hub for all the refusals of a module, which leave nothing behind."""
    with running(furnished, tmp_path_factory.mktemp("shared")) as hub:
        yield hub
