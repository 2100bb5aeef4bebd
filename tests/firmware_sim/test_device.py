"""Rooftops read by programs that others wrote: pysunspec2 and mbpoll."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from tests import shared
from tests.firmware_sim.running import NOON, RunningStreet, running_street, truth

MIDNIGHT = "2026-06-22T00:00:00Z"
FLAGS = ("--modbus", "3", "--seed", "11")
COMMON, INVERTER, METER = 40002, 40070, 40122


@pytest.fixture(scope="module")
def street() -> Iterator[RunningStreet]:
    with running_street(*FLAGS, "--origin", NOON) as running:
        yield running


def scanned(row: dict[str, Any]) -> SunSpecModbusClientDeviceTCP:
    device = SunSpecModbusClientDeviceTCP(row["unit"], row["host"], row["port"], timeout=10)
    device.scan()
    device.close()
    return device


def polled(
    row: dict[str, Any], address: int, kind: str = "4:hex", count: int = 1
) -> subprocess.CompletedProcess[str]:
    command = [shared.program("mbpoll"), "-m", "tcp", "-0", "-1", "-o", "2", "-B", "-a", "1"]
    command += ["-p", str(row["port"]), "-t", kind, "-r", str(address), "-c", str(count), row["host"]]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def values(answer: subprocess.CompletedProcess[str]) -> list[str]:
    assert answer.returncode == 0, answer.stdout
    return re.findall(r"^\[\d+\]:\s+(\S+)", answer.stdout, re.MULTILINE)


def test_pysunspec2_reads_every_rooftop_as_it_truly_is(street: RunningStreet) -> None:
    (true,) = truth(*FLAGS, "--at", NOON)
    assert len(street.meters) == 3
    for name, row in street.meters.items():
        device = scanned(row)
        assert device.base_addr == 40000
        assert list(device.models)[::2] == [1, 103, 203]
        common, inverter, meter = (device.models[model][0] for model in (1, 103, 203))
        assert common.Mn.cvalue == "FirmwareSim"
        assert re.fullmatch(r"FS\d{10}", common.SN.cvalue)
        assert inverter.W.cvalue == pytest.approx(true[name]["solar_power_w"], abs=0.5)
        assert inverter.WH.cvalue == true[name]["production_wh"]
        assert inverter.St.cvalue == 4
        assert meter.W.cvalue == pytest.approx(-true[name]["power_w"], abs=0.5)
        assert meter.TotWhExp.cvalue == true[name]["export_wh"]
        assert meter.TotWhImp.cvalue == true[name]["import_wh"]


def test_what_pysunspec2_reads_fits_together(street: RunningStreet) -> None:
    device = scanned(street.meters["solar00"])
    inverter, meter = device.models[103][0], device.models[203][0]
    for phase in "ABC":
        volt, ampere = (getattr(inverter, f"{name}{phase}").cvalue for name in ("PhVph", "Aph"))
        assert volt * ampere == pytest.approx(inverter.W.cvalue / 3, abs=3)
        volt, ampere, watt, apparent, factor = (
            getattr(meter, f"{name}{phase}").cvalue for name in ("PhVph", "Aph", "Wph", "VAph", "PFph")
        )
        assert volt * ampere == pytest.approx(apparent, abs=3)
        assert apparent * factor / 100 == pytest.approx(abs(watt), abs=2)
    assert meter.Hz.cvalue == pytest.approx(50, abs=0.1)
    assert meter.WphA.cvalue + meter.WphB.cvalue + meter.WphC.cvalue == pytest.approx(meter.W.cvalue, abs=2)
    assert inverter.DCV.cvalue * inverter.DCA.cvalue == pytest.approx(inverter.DCW.cvalue, abs=6)
    assert inverter.DCW.cvalue > inverter.W.cvalue
    for absent in (inverter.TmpTrns, inverter.StVnd, inverter.EvtVnd1, meter.TotVAhExp, meter.TotVArh_SF):
        assert absent.cvalue is None or absent.cvalue == 0


def test_mbpoll_sees_the_same_registers(street: RunningStreet) -> None:
    row = street.meters["solar01"]
    (true,) = truth(*FLAGS, "--at", NOON)
    assert values(polled(row, 40000, count=2)) == ["0x5375", "0x6E53"]
    assert values(polled(row, COMMON, count=2)) == ["0x0001", "0x0042"]
    assert values(polled(row, INVERTER, "4", 2)) == ["103", "50"]
    assert values(polled(row, METER, "4", 2)) == ["203", "105"]
    assert values(polled(row, METER + 107, count=2)) == ["0xFFFF", "0x0000"]
    (watts,) = values(polled(row, INVERTER + 14, "4"))
    assert int(watts) == round(true["solar01"]["solar_power_w"])
    (sent,) = values(polled(row, METER + 38, "4:int"))
    assert int(sent) == true["solar01"]["export_wh"]


def test_what_is_not_there_or_not_to_be_written_is_refused(street: RunningStreet) -> None:
    row = street.meters["solar00"]
    assert "Illegal data address" in polled(row, 39_999).stdout
    assert "Illegal data address" in polled(row, METER + 109).stdout
    assert "Illegal function" in polled(row, 40000, "3").stdout
    command = [shared.program("mbpoll"), "-m", "tcp", "-0", "-1", "-a", "1", "-p", str(row["port"])]
    written = subprocess.run([*command, "-r", "40000", row["host"], "7"], capture_output=True, text=True)
    assert written.returncode != 0
    assert values(polled(row, 40000)) == ["0x5375"]


def test_at_night_the_inverter_sleeps() -> None:
    with running_street(*FLAGS, "--origin", MIDNIGHT, "--since", NOON) as night:
        device = scanned(night.meters["solar02"])
    inverter, meter = device.models[103][0], device.models[203][0]
    assert (inverter.W.cvalue, inverter.A.cvalue, inverter.St.cvalue) == (0, 0, 2)
    assert meter.W.cvalue < 0
    (true,) = truth(*FLAGS, "--since", NOON, "--at", MIDNIGHT)
    assert inverter.WH.cvalue == true["solar02"]["production_wh"]


@pytest.mark.parametrize(("kind", "says"), [("silence", "timed out"), ("exception2", "Illegal data address")])
def test_a_fault_shows_on_the_wire_and_only_there(kind: str, says: str) -> None:
    fault = f"solar00:{kind}@2026-06-21T11:00Z+2h"
    with running_street("--modbus", "2", "--origin", NOON, "--fault", fault) as ill:
        assert says in polled(ill.meters["solar00"], 40000).stdout
        assert values(polled(ill.meters["solar01"], 40000)) == ["0x5375"]
