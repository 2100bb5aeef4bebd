"""Fixtures of all rooms, and how hypothesis works here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import shared

settings.register_profile("here", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Call it for a free TCP port on 127.0.0.1."""
    return shared.free_port


@pytest.fixture
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real, empty MQTT broker that lives as long as the test."""
    folder: Path = tmp_path_factory.mktemp("mosquitto")
    with shared.running_mosquitto(folder) as port:
        yield port
