-- A login lives at the login host; its site sessions end with it.
CREATE TABLE logins (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    seen       INTEGER NOT NULL,
    stepped_up INTEGER NOT NULL,
    methods    TEXT NOT NULL,
    owes       TEXT NOT NULL DEFAULT '',
    -- the token is to be replaced at the next visit
    stale      INTEGER NOT NULL DEFAULT 0,
    name       TEXT NOT NULL DEFAULT '',
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX logins_by_user ON logins (user_id, created);
CREATE INDEX logins_by_expiry ON logins (expires);

CREATE TABLE site_sessions (
    hash     BLOB PRIMARY KEY,
    login_id TEXT NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    host     TEXT NOT NULL,
    created  INTEGER NOT NULL
);
CREATE INDEX site_sessions_by_login ON site_sessions (login_id);
