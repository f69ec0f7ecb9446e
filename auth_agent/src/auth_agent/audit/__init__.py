"""The tamper-evident audit log: what is recorded, how it is chained and read."""
