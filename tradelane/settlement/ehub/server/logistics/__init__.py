"""The e-hub's logistics: shipments, their events, the lanes they go by, and nominations of power."""
