"""A meter that was found, as the section of a configuration that reads it. Only ``append`` touches a file.

Always true: nothing that was in the file is changed, and nothing is added that would not load.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from pathlib import Path

from tradelane.gateway.config import ConfigError, load
from tradelane.gateway.sources import address_of
from tradelane.meter.modbus_scan import Found
from tradelane.meter.modbus_url import SerialAddress, TcpAddress

EDGE = '[edge]\nzone_url = "https://zone.example.org"   # the zone to trade in\n'
"""The head of a file that has nothing yet."""


def section(found: Found, taken: Collection[str] = ()) -> str:
    """``[[edge.meters]]`` for it, under a name that is not ``taken``."""
    lines = ["[[edge.meters]]"]
    if found.model:
        lines.append("# " + "".join(one for one in found.model if one.isprintable()))
    lines += [f"name = {_text(name_of(found, taken))}", 'transport = "modbus"', *_where(found)]
    lines.append(f"unit = {found.unit}")
    if found.profile:
        lines.append(f"profile = {_text(found.profile)}")
    lines += [f'# or profile = "{other}"' for other in found.alike]
    return "\n".join(lines) + "\n"


def name_of(found: Found, taken: Collection[str] = ()) -> str:
    """A name made of the model, else of the address; numbered where it is taken."""
    words = found.model or f"meter {found.address} {found.unit}"
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:48].strip("-") or "meter"
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)


def sections(found: Collection[Found], taken: Collection[str] = ()) -> str:
    """One after the other, each with its own name."""
    names, parts = list(taken), []
    for one in found:
        parts.append(section(one, names))
        names.append(name_of(one, names))
    return "\n".join(parts)


def append(path: Path, found: Collection[Found]) -> int:
    """Adds the sections of those the file does not read yet; how many. ConfigError when it would not load.

    OSError when it cannot be written.
    """
    known, names, old = set(), list[str](), ""
    if path.exists():
        config = load(path)
        old = path.read_text("utf-8")
        meters = config.edge.meters if config.edge else ()
        names = [meter.name for meter in meters]
        known = {(str(address_of(m)), m.unit) for m in meters if m.transport == "modbus"}
    fresh = [one for one in found if (str(one.address), one.unit) not in known]
    if not fresh:
        return 0
    more = ("\n" if old else f"{EDGE}\n") + sections(fresh, names)
    more = more if old.endswith("\n") or not old else f"\n{more}"
    _prove(path, old + more)
    with path.open("a", encoding="utf-8") as file:
        file.write(more)
        file.flush()
        os.fsync(file.fileno())
    return len(fresh)


def _prove(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.touch(mode=0o600)
        draft.write_text(text, "utf-8")
        load(draft)
    except ConfigError as error:
        raise ConfigError(str(error).replace(str(draft), str(path))) from None
    finally:
        draft.unlink(missing_ok=True)


def _where(found: Found) -> list[str]:
    match found.address:
        case TcpAddress(host, port, False):
            return [f"host = {_text(host)}", f"port = {port}"]
        case TcpAddress():
            return [f"url = {_text(str(found.address))}"]
        case SerialAddress(device, baud, parity, stopbits):
            return [f"url = {_text(f'serial://{device}?baud={baud}&parity={parity}&stopbits={stopbits}')}"]


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=True)
