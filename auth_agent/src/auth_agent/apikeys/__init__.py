"""Keys for programs: scoped, expiring, revoked at once."""
