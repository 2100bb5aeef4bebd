"""Words of GS1's Core Business Vocabulary 2.0 that events of shipments may use, as JSON-LD writes them."""

from __future__ import annotations

DISPOSITIONS = frozenset({
    "active", "available", "completeness_inferred", "completeness_verified", "conformant", "container_closed",
    "container_open", "damaged", "destroyed", "dispensed", "disposed", "encoded", "expired", "in_progress",
    "in_transit", "inactive", "mismatch_class", "mismatch_instance", "mismatch_quantity", "needs_replacement",
    "no_pedigree_match", "non_conformant", "non_sellable_other", "partially_dispensed", "recalled",
    "reserved", "retail_sold", "returned", "sellable_accessible", "sellable_not_accessible", "stolen",
    "unavailable", "unknown",
})  # fmt: skip
TRANSACTIONS = frozenset({
    "bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma", "testprd",
    "testres", "upevt",
})  # fmt: skip
PARTIES = frozenset({"location", "owning_party", "possessing_party"})
