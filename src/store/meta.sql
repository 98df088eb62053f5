-- Whose database this is: only where this table says so is `user_version` the number of Bellkeeper's
-- migrations. A database of another program never gets it.
CREATE TABLE bellkeeper_meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO bellkeeper_meta VALUES ('owner', 'bellkeeper');
