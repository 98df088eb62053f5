//! The ledger's tables. Only ever append a migration; never change one that has shipped.

/// One SQL script per schema version.
pub(crate) const MIGRATIONS: &[&str] = &["
-- One row for each life of a process that ran jobs. Times are milliseconds since 1970, UTC.
CREATE TABLE instances (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    pid        INTEGER NOT NULL,
    host       TEXT NOT NULL,
    version    TEXT NOT NULL,
    what       TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER
);

-- Since when a job is known, and from which instant on its present schedule owes slots.
-- `anchor` is the phase of `every`. Seconds since 1970.
CREATE TABLE jobs (
    job      TEXT PRIMARY KEY,
    schedule TEXT NOT NULL,
    anchor   INTEGER NOT NULL,
    since    INTEGER NOT NULL
) WITHOUT ROWID;

-- A (job, slot, scope) is claimed once and for ever; only a lost claim can be taken over, with a
-- higher fence. `at` is seconds since 1970.
CREATE TABLE slots (
    job         TEXT NOT NULL,
    at          INTEGER NOT NULL,
    scope       TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('claimed', 'ended', 'skipped', 'lost')),
    owner       INTEGER NOT NULL REFERENCES instances (id),
    fence       INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (job, scope, at)
) WITHOUT ROWID;
CREATE INDEX slots_lost ON slots (at) WHERE state = 'lost';

CREATE TABLE runs (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    job         TEXT NOT NULL,
    slot        INTEGER NOT NULL,
    scope       TEXT NOT NULL,
    trigger     TEXT NOT NULL,
    missed      INTEGER NOT NULL,
    owner       INTEGER NOT NULL REFERENCES instances (id),
    fence       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    outcome     TEXT,
    reason      TEXT,
    report      TEXT
);
CREATE INDEX runs_by_job ON runs (job, id);
CREATE INDEX runs_by_outcome ON runs (outcome, id);

-- Attempts that failed before the one that ended the run.
CREATE TABLE attempts (
    run      INTEGER NOT NULL REFERENCES runs (id),
    attempt  INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    error    TEXT NOT NULL,
    PRIMARY KEY (run, attempt)
) WITHOUT ROWID;

-- Every act of an operator or of the daemon, in order.
CREATE TABLE journal (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    act     TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
);
"];
