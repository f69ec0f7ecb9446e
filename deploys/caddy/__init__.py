"""TLS and the gate in front of apps."""
