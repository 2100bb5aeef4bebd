"""Who trades here, how much, and who looks after it."""
