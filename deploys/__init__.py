"""What Keepgate does to a host: one folder per topic, plain pyinfra."""
