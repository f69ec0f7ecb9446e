"""The process: its sockets, its logs, its start and its end."""
