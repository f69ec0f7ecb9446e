CREATE TABLE users (
    id                   TEXT PRIMARY KEY,
    name                 TEXT NOT NULL UNIQUE,
    display_name         TEXT NOT NULL,
    email                TEXT,
    role                 TEXT NOT NULL,
    active               INTEGER NOT NULL,
    password             TEXT,
    password_changed     INTEGER,
    -- shorter than a password may be that is the only factor
    password_short       INTEGER NOT NULL DEFAULT 0,
    must_change_password INTEGER NOT NULL DEFAULT 0,
    created              INTEGER NOT NULL,
    last_login           INTEGER
);
CREATE UNIQUE INDEX users_by_email ON users (lower(email));
CREATE INDEX users_by_role ON users (role, active);

-- Single-use links: the first admin, invitations, resets.
CREATE TABLE links (
    hash    BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL
);
CREATE INDEX links_by_user ON links (user_id, purpose);
