"""Logins, and the site sessions that hang on them."""
