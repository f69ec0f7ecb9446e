"""Where accounts, sessions and counters live."""
