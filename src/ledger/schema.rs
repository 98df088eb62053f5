//! The ledger's tables. Only ever append a migration; never change one that has shipped.

/// One SQL script per schema version.
pub(crate) const MIGRATIONS: &[&str] = &[
    "
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
",
    "
-- A slot may wait for its turn: due, not yet run, and not forgotten by a crash. `note` says for
-- what it waits.
CREATE TABLE slots_2 (
    job         TEXT NOT NULL,
    at          INTEGER NOT NULL,
    scope       TEXT NOT NULL,
    state       TEXT NOT NULL
        CHECK (state IN ('waiting', 'claimed', 'ended', 'skipped', 'lost')),
    owner       INTEGER NOT NULL REFERENCES instances (id),
    fence       INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    note        TEXT,
    PRIMARY KEY (job, scope, at)
) WITHOUT ROWID;
INSERT INTO slots_2
    SELECT job, at, scope, state, owner, fence, attempt, lease_until, NULL FROM slots;
DROP TABLE slots;
ALTER TABLE slots_2 RENAME TO slots;
CREATE INDEX slots_open ON slots (at) WHERE state IN ('lost', 'waiting');

-- Only what is asked for is indexed: a claim writes one index less.
DROP INDEX runs_by_outcome;
CREATE INDEX runs_failed ON runs (id)
    WHERE outcome IN ('failed', 'timed-out', 'cancelled', 'lost');
CREATE INDEX runs_open ON runs (id) WHERE outcome IS NULL;
-- For one job by slot: what became of it, and the newest success.
CREATE INDEX runs_by_slot ON runs (job, slot);
CREATE INDEX runs_succeeded ON runs (job, slot) WHERE outcome = 'succeeded';

-- The last sign of life of a process that is going on.
ALTER TABLE instances ADD COLUMN alive_at INTEGER;

-- Jobs whose slots are skipped for a while; no `until`: until resumed. Seconds since 1970.
CREATE TABLE pauses (
    job   TEXT PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER
) WITHOUT ROWID;

-- When nobody was awake, or the clock was set: `stopped`, `suspended`, `stepped`. Milliseconds.
CREATE TABLE gaps (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    what     TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
);
CREATE INDEX gaps_by_end ON gaps (ended_at);
",
];
