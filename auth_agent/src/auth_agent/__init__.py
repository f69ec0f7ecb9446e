"""Login, second factors, roles, API keys and an audit log behind `forward_auth`."""

__version__ = "0.1.0"
