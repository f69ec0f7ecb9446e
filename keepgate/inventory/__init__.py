"""Inventories: which hosts, with which settings. The only reader of those files."""

from keepgate.inventory.cli_mode import (
    host_data,
    logins,
    pyinfra_hosts,
    remembered_login,
    send_at_once,
)
from keepgate.inventory.home import home
from keepgate.inventory.loader import Inventory, load
from keepgate.inventory.problems import InventoryError, Problem

__all__ = [
    "Inventory",
    "InventoryError",
    "Problem",
    "home",
    "host_data",
    "load",
    "logins",
    "pyinfra_hosts",
    "remembered_login",
    "send_at_once",
]
