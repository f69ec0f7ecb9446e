"""The process's own affairs: start, stop, backup, clock, secrets, what is due."""
