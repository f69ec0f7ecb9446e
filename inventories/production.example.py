"""For pyinfra's own command: a copy beside your copy of production.example.yml."""

from keepgate.inventory import pyinfra_hosts

hosts = pyinfra_hosts(__file__)
