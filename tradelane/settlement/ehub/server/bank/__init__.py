"""The e-hub's bank side: payouts (pain.001), statements (camt.053) and incoming credits (camt.054)."""
