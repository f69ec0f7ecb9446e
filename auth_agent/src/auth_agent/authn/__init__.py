"""Proving who somebody is: passwords, second factors, the login as a whole."""
