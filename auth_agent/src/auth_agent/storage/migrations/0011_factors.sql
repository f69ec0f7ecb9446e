-- Keys that seal secrets at rest, themselves sealed under the secret file's key.
CREATE TABLE data_keys (
    id      TEXT PRIMARY KEY,
    sealed  BLOB NOT NULL,
    created INTEGER NOT NULL,
    current INTEGER NOT NULL
);

-- last_counter: the time step of the last code taken; none is taken twice.
CREATE TABLE totp (
    user_id      TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    key_id       TEXT NOT NULL REFERENCES data_keys (id),
    sealed       BLOB NOT NULL,
    last_counter INTEGER NOT NULL,
    created      INTEGER NOT NULL
);

-- Secrets that are shown and not confirmed yet.
CREATE TABLE totp_offers (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    key_id  TEXT NOT NULL REFERENCES data_keys (id),
    sealed  BLOB NOT NULL,
    expires INTEGER NOT NULL
);

-- One salt for the codes of a set: a try costs one slow hash, not ten.
CREATE TABLE recovery_sets (
    user_id TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    salt    BLOB NOT NULL,
    created INTEGER NOT NULL
);
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES recovery_sets (user_id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Browsers that logged in to an account before.
CREATE TABLE devices (
    hash    BLOB NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    PRIMARY KEY (hash, user_id)
);
CREATE INDEX devices_by_user ON devices (user_id, used);

-- Logins whose password was right and that want a second factor.
CREATE TABLE pending_logins (
    hash    BLOB PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX pending_logins_by_expiry ON pending_logins (expires);
