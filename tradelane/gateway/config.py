"""One configuration from flags, environment, a TOML file and defaults, the first named winning.

``TRADELANE_PORT`` sets ``port``, ``TRADELANE_CLOCK__SPEED`` sets ``[clock] speed``. Relative paths are
relative to the folder of the file. Every mistake is a ConfigError of one line that names the file, the
line and the key.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from tradelane.gateway.clock import Clock
from tradelane.gateway.cross_checks import cross_checks
from tradelane.gateway.hub_section import HubSection
from tradelane.gateway.section_types import Port, Url
from tradelane.gateway.sections import ClockSection, EdgeSection, ZoneSection
from tradelane.gateway.toml_lines import Loc, line_of

PREFIX = "TRADELANE_"


class ConfigError(Exception):
    """A mistake in the configuration; its text is one line: file, line, key, reason."""


def _default_data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path("tradelane")


class Config(BaseSettings):
    """What this process is: a role for each of ``edge``, ``zone`` and ``hub`` that is there."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data_dir: Path = Field(default_factory=_default_data_dir)
    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: Url | None = None
    clock: ClockSection = ClockSection()
    edge: EdgeSection | None = None
    zone: ZoneSection | None = None
    hub: HubSection | None = None

    @property
    def edge_db(self) -> Path:
        """The SQLite file of the edge role. One file a role: each has exactly one writer."""
        return self.data_dir / "edge.sqlite"

    @property
    def zone_db(self) -> Path:
        """The SQLite file of the zone role."""
        return self.data_dir / "zone.sqlite"

    @property
    def hub_db(self) -> Path:
        """The SQLite file of the e-hub role."""
        return self.data_dir / "hub.sqlite"

    @property
    def hub_place(self) -> Path | str:
        """Where the e-hub keeps its rows: a PostgreSQL URL, which may hold a password, or its file."""
        named = self.hub.database if self.hub else None
        return self.hub_db if named is None else named.get_secret_value()

    def key_file(self, member: str) -> Path:
        """Where the key of one of the edge's members stands."""
        entries = self.edge.members if self.edge else ()
        named = next((m.key_file for m in entries if m.id == member), None)
        return named or self.data_dir / "keys" / f"{member}.pem"

    def sealing_key_file(self, meter: str) -> Path:
        """Where the key stands that seals a meter's readings: its member's, or the gateway's own."""
        owner = self.edge.owner(meter) if self.edge else None
        return self.data_dir / "keys" / "gateway.pem" if owner is None else self.key_file(owner)

    @property
    def hub_token_file(self) -> Path:
        """Where the e-hub role keeps the secret its callers show."""
        named = self.hub.token_file if self.hub else None
        return named or self.data_dir / "hub.token"

    @property
    def road_key_file(self) -> Path:
        """Where the e-hub keeps the key it signs with, on the e-road and under its audit log."""
        named = self.hub.road.key_file if self.hub and self.hub.road else None
        return named or self.data_dir / "hub-road.pem"

    @property
    def switch_key_file(self) -> Path:
        """Where the e-hub keeps the RSA key it signs with as a switch."""
        named = self.hub.fspiop.key_file if self.hub and self.hub.fspiop else None
        return named or self.data_dir / "hub-switch.pem"

    @property
    def edge_token_file(self) -> Path:
        """Where the edge role keeps the secret by which pairing codes are asked for."""
        return self.data_dir / "edge.token"

    @property
    def operator_token_file(self) -> Path:
        """Where the zone role keeps the secret its operator shows."""
        named = self.zone.operator_token_file if self.zone else None
        return named or self.data_dir / "zone.token"

    def make_clock(self) -> Clock:
        return Clock(self.clock.speed, self.clock.origin, self.clock.wall_origin)


def load(path: Path, flags: Mapping[str, Any] | None = None) -> Config:
    """The configuration in the file ``path``; ``flags`` (a nested mapping like the file) win over it.

    Raises ConfigError.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_error(path, str(error))) from None
    flags = dict(flags or {})
    config = _validated(path, text, data, flags)
    for loc, reason in cross_checks(config):
        raise ConfigError(_message(path, text, flags, loc, reason))
    return Config.model_construct(**_absolute_fields(config, path.absolute().parent))


def _validated(path: Path, text: str, data: dict[str, Any], flags: dict[str, Any]) -> Config:
    class FromFile(Config):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, data)

    try:
        return FromFile(**flags)
    except ValidationError as error:
        first, *more = _innermost(error.errors(include_url=False))
        reason = _reason(first["type"], first["msg"])
        tail = f" (and {len(more)} more)" if more else ""
        raise ConfigError(_message(path, text, flags, first["loc"], reason + tail)) from None
    except SettingsError as error:
        raise ConfigError(f"environment {PREFIX}*: {error}".splitlines()[0]) from None


def _innermost(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without those that only follow from another: a list with a bad item is also "too short"."""
    locs = [error["loc"] for error in errors]
    return [
        e for e in errors if not any(loc != e["loc"] and loc[: len(e["loc"])] == e["loc"] for loc in locs)
    ]


def _reason(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "missing"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a table"
    return message.removeprefix("Value error, ").replace("\n", " ")


def _message(path: Path, text: str, flags: Mapping[str, Any], loc: Loc, reason: str) -> str:
    key = dotted(loc)
    if _within(flags, loc):
        return f"flag: {key}: {reason}"
    for size in range(len(loc), 0, -1):
        name = PREFIX + "__".join(str(part) for part in loc[:size]).upper()
        if name in os.environ:
            return f"environment {name}: {key}: {reason}"
    line = line_of(text, loc)
    place = str(path) if line is None else f"{path}:{line}"
    return f"{place}: {key}: {reason}"


def dotted(loc: Loc) -> str:
    """``zone.lanes[0].loss_ppm``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).removeprefix(".")


def _within(tree: Any, loc: Loc) -> bool:
    for part in loc:
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True


def _syntax_error(path: Path, message: str) -> str:
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    if found is None:
        return f"{path}: {message}"
    return f"{path}:{found[1]}: {message[: found.start()]}"


M = TypeVar("M", bound=BaseModel)


def _rebased(model: M, folder: Path) -> M:
    """The model with every relative path in it made absolute from ``folder``."""
    return model.model_copy(update=_absolute_fields(model, folder))


def _absolute_fields(model: BaseModel, folder: Path) -> dict[str, Any]:
    return {name: _absolute(getattr(model, name), folder) for name in type(model).model_fields}


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, BaseModel):
        return _rebased(value, folder)
    if isinstance(value, tuple):
        return tuple(_absolute(part, folder) for part in value)
    return value
