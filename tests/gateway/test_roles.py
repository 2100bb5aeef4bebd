"""The life of roles: started in order, stopped in reverse, never left half open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from fastapi import APIRouter

from tradelane.gateway import roles as module
from tradelane.gateway.roles import RoleFailed, Roles, one_line


class Recording:
    """A role that writes down what happens to it."""

    def __init__(self, name: str, seen: list[str], run: Callable[[], object] | None = None) -> None:
        self.router = APIRouter()
        self.start_error: Exception | None = None
        self.stop_error: Exception | None = None
        self._name, self._seen, self._run = name, seen, run

    async def start(self) -> None:
        self._seen.append(f"start {self._name}")
        if self.start_error:
            raise self.start_error

    async def run(self) -> None:
        self._seen.append(f"run {self._name}")
        if self._run:
            self._run()
            return
        try:
            await asyncio.Event().wait()
        finally:
            self._seen.append(f"cancelled {self._name}")

    async def stop(self) -> None:
        self._seen.append(f"stop {self._name}")
        if self.stop_error:
            raise self.stop_error


class Stubborn(Recording):
    """A role that does not let itself be cancelled at once."""

    async def run(self) -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)


class Page(Recording):
    def drain(self) -> None:
        self._seen.append(f"drain {self._name}")


def raising(error: Exception) -> Callable[[], object]:
    def run() -> None:
        raise error

    return run


def test_started_in_order_and_stopped_in_reverse() -> None:
    seen: list[str] = []

    async def life() -> None:
        roles = Roles({"hub": Recording("hub", seen), "zone": Page("zone", seen)})
        assert not roles.healthy
        await roles.start()
        await roles.start()
        await asyncio.sleep(0)
        assert roles.healthy and roles.names == ["hub", "zone"]
        await roles.stop()
        await roles.stop()
        assert not roles.healthy and roles.failure is None

    asyncio.run(life())
    assert seen[:4] == ["start hub", "start zone", "run hub", "run zone"]
    assert seen[4] == "drain zone"
    assert set(seen[5:7]) == {"cancelled hub", "cancelled zone"}
    assert seen[7:9] == ["stop zone", "stop hub"]


def test_a_role_that_cannot_start_is_closed_with_those_before_it() -> None:
    seen: list[str] = []
    broken = Recording("zone", seen)
    broken.start_error = ValueError("the file is torn\nand more")

    async def life() -> None:
        roles = Roles({"hub": Recording("hub", seen), "zone": broken, "edge": Recording("edge", seen)})
        with pytest.raises(RoleFailed, match=r"^the zone role could not start: the file is torn$"):
            await roles.start()

    asyncio.run(life())
    assert seen == ["start hub", "start zone", "stop zone", "stop hub"]


@pytest.mark.parametrize(
    "run", [raising(RuntimeError("lost its way")), lambda: None], ids=["raises", "returns"]
)
def test_a_role_that_ends_is_a_failure_of_all(run: Callable[[], object]) -> None:
    told: list[bool] = []

    async def life() -> Roles:
        roles = Roles({"zone": Recording("zone", [], run)}, failed=lambda: told.append(True))
        await roles.start()
        while not told:
            await asyncio.sleep(0)
        assert not roles.healthy
        await roles.stop()
        return roles

    assert isinstance(asyncio.run(life()).failure, RuntimeError)
    assert told == [True]


def test_an_error_while_closing_does_not_keep_the_others_open() -> None:
    seen: list[str] = []
    broken = Recording("edge", seen)
    broken.stop_error = OSError("disk full")

    async def life() -> None:
        roles = Roles({"hub": Recording("hub", seen), "edge": broken})
        await roles.start()
        await roles.stop()

    asyncio.run(life())
    assert seen[-2:] == ["stop edge", "stop hub"]


def test_a_role_that_will_not_stop_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_STOP_S", 0.05)
    seen: list[str] = []

    async def life() -> None:
        roles = Roles({"edge": Stubborn("edge", seen)})
        await roles.start()
        await asyncio.sleep(0)
        await roles.stop()

    asyncio.run(life())
    assert seen[-1] == "stop edge"


def test_one_line_is_never_empty() -> None:
    assert one_line(ValueError("first\nsecond")) == "first"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("\n x")) == "ValueError"


def test_one_line_of_several_errors_is_the_first_of_them() -> None:
    inner = ExceptionGroup("unhandled errors", [ValueError("why"), ValueError("also")])
    assert one_line(ExceptionGroup("unhandled errors in a TaskGroup", [inner])) == "why"
