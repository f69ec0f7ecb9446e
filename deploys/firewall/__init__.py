"""The packet filter."""
