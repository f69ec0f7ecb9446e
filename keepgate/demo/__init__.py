"""What the demo does beside hardening: a first login, an app, and attacks on both."""
