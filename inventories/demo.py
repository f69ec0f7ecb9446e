"""`pyinfra inventories/demo.py deploys/site.py`: the hosts of demo.yml."""

from keepgate.inventory import pyinfra_hosts

hosts = pyinfra_hosts(__file__)
