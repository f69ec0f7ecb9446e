"""Accounts, their passwords, and the links that let somebody in once."""
