"""The sync engine: pure decisions. No network, clock, database, thread or randomness in here."""
