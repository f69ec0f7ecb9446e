-- One row for each try that counts against a limit.
CREATE TABLE tries (
    row    INTEGER PRIMARY KEY AUTOINCREMENT,
    bucket TEXT NOT NULL,
    micros INTEGER NOT NULL
);
CREATE INDEX tries_by_bucket ON tries (bucket, micros);
CREATE INDEX tries_by_time ON tries (micros);

-- Consecutive failures; locked: nobody is let in before that time.
CREATE TABLE failures (
    bucket TEXT PRIMARY KEY,
    count  INTEGER NOT NULL,
    locked INTEGER NOT NULL,
    last   INTEGER NOT NULL
);
CREATE INDEX failures_by_lock ON failures (locked);
