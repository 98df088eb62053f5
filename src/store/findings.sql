-- What is wrong with bars, as it was seen last: a finding of bars that were looked at again goes when
-- it is not found any more.
CREATE TABLE findings (
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    -- The bar; empty where all bars are meant, or where the stamp could not be read.
    ts TEXT NOT NULL,
    flaw TEXT NOT NULL,
    -- The line of a file, 0 without one: rows whose stamp cannot be read have nothing else.
    line INTEGER NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('note', 'warning', 'quarantined')),
    what TEXT NOT NULL,
    source TEXT NOT NULL,
    -- When it was found first.
    found_at TEXT NOT NULL,
    -- The bar that was left out.
    bar TEXT CHECK (bar IS NULL OR json_valid(bar)),
    PRIMARY KEY (symbol, timeframe, ts, flaw, line)
) STRICT, WITHOUT ROWID;
