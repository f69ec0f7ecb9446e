"""Driving pyinfra: the only place that knows its State and gevent."""
