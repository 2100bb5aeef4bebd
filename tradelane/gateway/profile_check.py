"""One Modbus profile looked at before it is used: all that is wrong with it, or what it will do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tradelane.gateway.doctor import Finding
from tradelane.gateway.toml_lines import Loc, line_of
from tradelane.meter import profile
from tradelane.meter.profile import Profile
from tradelane.meter.reading import BadProfile
from tradelane.meter.registers import Register

CHECK = "profile"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


def examine_profile(path: Path) -> list[Finding]:
    """A finding for each fault, naming file, line and key; of a good profile, what it is and asks for."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return [Finding(CHECK, False, f"{path}: {error.strerror or error}")]
    except UnicodeDecodeError:
        return [Finding(CHECK, False, f"{path}: not UTF-8 text")]
    found, faults = profile.check(text, str(path))
    if found is None:
        return [Finding(CHECK, False, _told(text, fault)) for fault in faults]
    return list(_summary(found))


def _told(text: str, fault: BadProfile) -> str:
    at = _AT_LINE.search(fault.reason)
    if at is not None:
        return f"{fault.file}:{at[1]}: {fault.key}: {fault.reason[: at.start()]}"
    line = None if fault.key == "syntax" else line_of(text, _loc(fault.key))
    return f"{fault.file}:{line or 1}: {fault.key}: {fault.reason}"


def _loc(key: str) -> Loc:
    """The path of ``register[0].scale``."""
    return tuple(int(index) if index else name for name, index in _STEP.findall(key))


def _summary(found: Profile) -> Iterator[Finding]:
    yield Finding(CHECK, True, f"{found.name}: {found.vendor} {found.model}, usable")
    if found.discover:
        yield Finding("roles", True, "the device is asked what it has (SunSpec)")
        return
    for section in found.sections:
        model = "" if section.model is None else f"SunSpec model {section.model}: "
        yield Finding(section.role.value, True, model + ", ".join(section.values({})))
    blocks = found.requests()
    spans = (f"{block.address}-{block.end - 1} by function {block.function}" for block in blocks)
    yield Finding("requests", True, f"{len(blocks)}: {', '.join(spans)}")
    if isinstance(found.rated, Register):
        yield Finding("rated power", True, f"asked at {found.rated.address}")
    elif found.rated is not None:
        yield Finding("rated power", True, f"{found.rated} W")
