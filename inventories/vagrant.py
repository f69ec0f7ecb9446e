"""`pyinfra inventories/vagrant.py deploys/site.py`: the hosts of vagrant.yml."""

from keepgate.inventory import pyinfra_hosts

hosts = pyinfra_hosts(__file__)
