-- Records that belong to a change and are not yet known to stand in the audit log.
CREATE TABLE outbox (
    row    INTEGER PRIMARY KEY AUTOINCREMENT,
    id     TEXT NOT NULL UNIQUE,
    micros INTEGER NOT NULL,
    body   BLOB NOT NULL
);
