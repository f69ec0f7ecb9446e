"""Caddy's own apt archive: its key, what it may deliver, and whether it is used."""
