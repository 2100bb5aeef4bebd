"""A consignment of potatoes, and GS1's own schema to hold its events against."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.shared import shared_file
from tradelane.settlement import exact_json
from tradelane.settlement.epcis import Consignment

NOW = 1_782_000_000_000
POTATOES = Consignment("c7-0", "c7-0", "NL>GB.road", "NL", "GB", "0701.90", "kg")


def official() -> Callable[[Any], bool]:
    """Whether a value is valid by the EPCIS 2.0 JSON Schema; the test is skipped where it is missing."""
    from jsonschema_rs import Draft7Validator

    schema = json.loads(shared_file("specs/epcis2/EPCIS-JSON-Schema.json").read_text())
    validator = Draft7Validator(schema, validate_formats=True)
    return lambda value: bool(validator.is_valid(json.loads(exact_json.dumps(value))))
