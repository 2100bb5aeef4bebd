"""The hub killed in the middle of a command, or after it: asked again, the effect is there once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.settlement.hubs import ANA, BEN, TOKEN, eur, run, trade
from tests.shared import ROOT, free_port
from tradelane.settlement.ehub.client import Backoff, HubClient, HubUnreachable

FEW = Backoff(attempts=2, first_s=0.01)
MANY = Backoff(attempts=400, first_s=0.05, cap_s=0.05)


def start(path: Path, port: int, dies: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.settlement.hub_process", str(path), str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HUB_DIES": dies})
    run(HubClient(f"http://127.0.0.1:{port}", TOKEN, backoff=MANY), lambda client: client.trial_balance())
    return process


async def fund(client: HubClient) -> str:
    held = await client.reserve("fund", reservation="r1", account=ANA, amount=eur("12"), contract="c1")
    return held.model_dump_json()


async def settle(client: HubClient) -> str:
    done = await client.settle(
        "settle", settlement="s1", contract="c1", transfers=trade("s1"), reservation="r1"
    )
    return done.model_dump_json()


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("victim", ["fund", "settle"])
def test_killed_at_a_command_and_asked_again(
    furnished: Path, tmp_path: Path, victim: str, moment: str
) -> None:
    path, port = tmp_path / "hub.sqlite", free_port()
    shutil.copy(furnished, path)
    url = f"http://127.0.0.1:{port}"
    commands = {"fund": fund, "settle": settle}

    process = start(path, port, f"{moment}:{victim}")
    for name, command in commands.items():
        if name == victim:
            with pytest.raises(HubUnreachable):
                run(HubClient(url, TOKEN, backoff=FEW), command)
            break
        run(HubClient(url, TOKEN), command)
    assert process.wait() == -signal.SIGKILL

    process = start(path, port)
    try:
        for command in commands.values():
            first = run(HubClient(url, TOKEN), command)
            assert run(HubClient(url, TOKEN), command) == first
        run(HubClient(url, TOKEN), proof)
    finally:
        process.kill()
        process.wait()


async def proof(client: HubClient) -> None:
    ana, ben = await client.account(ANA), await client.account(BEN)
    assert (ana.posted, ana.held, ben.posted) == ("90", "0", "7")
    trial, chain = await client.trial_balance(), await client.chain()
    assert (trial.balanced, chain.ok, trial.transfers) == (True, True, 9)
    assert len((await client.receipts(contract="c1")).items) == 2
