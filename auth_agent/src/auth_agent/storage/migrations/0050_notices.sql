-- What happened to an account, for its owner to see.
CREATE TABLE notices (
    row        INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    micros     INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    number     INTEGER NOT NULL,
    ip         TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX notices_by_user ON notices (user_id, row);

-- Mails of notices that have not gone out yet.
CREATE TABLE notice_mails (
    row     INTEGER PRIMARY KEY AUTOINCREMENT,
    notice  INTEGER NOT NULL REFERENCES notices (row) ON DELETE CASCADE,
    address TEXT NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0,
    due     INTEGER NOT NULL
);
CREATE INDEX notice_mails_by_due ON notice_mails (due);
CREATE INDEX notice_mails_by_notice ON notice_mails (notice);

-- Failures in a row that the right password of this login forgot.
ALTER TABLE pending_logins ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
