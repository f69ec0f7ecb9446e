"""Commit-confirmed changes: armed on the host, proved by a fresh login."""
