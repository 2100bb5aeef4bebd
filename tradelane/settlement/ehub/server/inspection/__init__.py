"""The e-hub's inspection: certificates of origin, disputes, inspections, and papers that orders need."""
