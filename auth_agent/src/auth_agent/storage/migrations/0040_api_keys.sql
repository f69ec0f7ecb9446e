-- scopes, networks and paths are words separated by blanks.
CREATE TABLE api_keys (
    id        TEXT PRIMARY KEY,
    hash      BLOB NOT NULL UNIQUE,
    user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    prefix    TEXT NOT NULL,
    scopes    TEXT NOT NULL,
    networks  TEXT NOT NULL,
    paths     TEXT NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    last_used INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX api_keys_by_user ON api_keys (user_id, created);
