"""A meter that was found, as the section of a configuration that reads it. Only ``append`` touches a file.

Always true: nothing that was in the file is changed, and nothing is added that would not load.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from pathlib import Path

from tradelane.gateway.config import Config, ConfigError, load
from tradelane.gateway.sections import Meter, Mqtt
from tradelane.gateway.sources import address_of
from tradelane.meter.modbus_scan import Found
from tradelane.meter.modbus_url import SerialAddress, TcpAddress
from tradelane.meter.mqtt_scan import Heard

EDGE = '[edge]\nzone_url = "https://zone.example.org"   # the zone to trade in\n'
"""The head of a file that has nothing yet."""

Device = Found | Heard


def section(found: Device, taken: Collection[str] = ()) -> str:
    """``[[edge.meters]]`` for it, under a name that is not ``taken``."""
    lines = ["[[edge.meters]]"]
    if isinstance(found, Found) and found.model:
        lines.append("# " + "".join(one for one in found.model if one.isprintable()))
    lines.append(f"name = {_text(name_of(found, taken))}")
    if isinstance(found, Heard):
        lines += ['transport = "mqtt"', f"topic = {_text(found.topic)}", f"dialect = {_text(found.dialect)}"]
        lines += [f'# or dialect = "{other}"' for other in found.alike]
    else:
        lines += ['transport = "modbus"', *_where(found), f"unit = {found.unit}"]
        lines += [f"profile = {_text(found.profile)}"] if found.profile else []
        lines += [f'# or profile = "{other}"' for other in found.alike]
    return "\n".join(lines) + "\n"


def name_of(found: Device, taken: Collection[str] = ()) -> str:
    """A name made of the model, of what the device calls itself, else of the address; numbered where it is
    taken."""
    words = found.meter if isinstance(found, Heard) else _model_or_place(found)
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:48].strip("-") or "meter"
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, len(taken) + 2))
    return next(one for one in names if one not in taken)


def _model_or_place(found: Found) -> str:
    return found.model or f"meter {found.address} {found.unit}"


def sections(found: Collection[Device], taken: Collection[str] = (), broker: Mqtt | None = None) -> str:
    """One after the other, each with its own name, behind that of the ``broker``, if it is to be named."""
    names, parts = list(taken), [] if broker is None else [broker_section(broker)]
    for one in found:
        parts.append(section(one, names))
        names.append(name_of(one, names))
    return "\n".join(parts)


def broker_section(broker: Mqtt) -> str:
    """``[edge.mqtt]`` for it, its files by their whole paths."""
    lines = ["[edge.mqtt]", f"host = {_text(broker.host)}", f"port = {broker.port}"]
    if broker.user is not None:
        lines.append(f"user = {_text(broker.user)}")
    lines += ["tls = true"] if broker.tls else []
    for key in ("password_file", "ca_file", "cert_file", "key_file"):
        path: Path | None = getattr(broker, key)
        lines += [] if path is None else [f"{key} = {_text(str(path.absolute()))}"]
    return "\n".join(lines) + "\n"


def append(path: Path, found: Collection[Device], broker: Mqtt | None = None) -> int:
    """Adds the sections of those the file does not read yet; how many. ConfigError when it would not load, or
    when it has another broker.

    OSError when it cannot be written.
    """
    known, names, old = set[object](), list[str](), ""
    if path.exists():
        config = load(path)
        broker = _broker_to_add(path, config, broker)
        old = path.read_text("utf-8")
        meters = config.edge.meters if config.edge else ()
        names = [meter.name for meter in meters]
        known = {_read_by(meter) for meter in meters}
    fresh = [one for one in found if _found_at(one) not in known]
    if not fresh:
        return 0
    more = ("\n" if old else f"{EDGE}\n") + sections(fresh, names, broker)
    more = more if old.endswith("\n") or not old else f"\n{more}"
    _prove(path, old + more)
    with path.open("a", encoding="utf-8") as file:
        file.write(more)
        file.flush()
        os.fsync(file.fileno())
    return len(fresh)


def _broker_to_add(path: Path, config: Config, broker: Mqtt | None) -> Mqtt | None:
    """None when the file names it already."""
    named = None if config.edge is None else config.edge.mqtt
    if broker is None or named is None:
        return broker
    if (named.host, named.port) != (broker.host, broker.port):
        raise ConfigError(
            f"{path}: edge.mqtt: {named.host}:{named.port} is its broker, and it can have only one"
        )
    return None


def _read_by(meter: Meter) -> object:
    if meter.transport == "modbus":
        return str(address_of(meter)), meter.unit
    return meter.topic, meter.dialect or "json"


def _found_at(found: Device) -> object:
    return (found.topic, found.dialect) if isinstance(found, Heard) else (str(found.address), found.unit)


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
