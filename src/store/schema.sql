-- The assistant's tables. Times are ISO 8601 text in UTC; money and quantities are integers in
-- millionths, so that sums are exact.

-- One bar a symbol, timeframe and time; upserted, so short pulls grow into a long history.
CREATE TABLE bars (
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    ts TEXT NOT NULL,
    open INTEGER NOT NULL,
    high INTEGER NOT NULL,
    low INTEGER NOT NULL,
    close INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    source TEXT NOT NULL,
    adjustment TEXT NOT NULL,
    fetched_at TEXT NOT NULL,
    PRIMARY KEY (symbol, timeframe, ts)
) STRICT, WITHOUT ROWID;

CREATE TABLE signals (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    strategy TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    strength REAL NOT NULL,
    price INTEGER NOT NULL,
    inputs TEXT NOT NULL CHECK (json_valid(inputs)),
    source TEXT NOT NULL,
    adjustment TEXT NOT NULL,
    data_hash TEXT NOT NULL,
    version TEXT NOT NULL,
    -- A rerun, a crash or a run by hand never makes a signal twice.
    UNIQUE (symbol, timeframe, timestamp, strategy, side)
) STRICT;
CREATE INDEX signals_timestamp ON signals (timestamp);

CREATE TABLE trades (
    id INTEGER PRIMARY KEY,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    price INTEGER NOT NULL,
    fee INTEGER NOT NULL,
    timestamp TEXT NOT NULL,
    strategy TEXT,
    note TEXT
) STRICT;
CREATE INDEX trades_symbol ON trades (symbol);

-- Derived from trades; `avg_cost` is a share's, `realised_pnl` is after fees. The primary key is
-- the index on the symbol.
CREATE TABLE positions (
    symbol TEXT PRIMARY KEY,
    quantity INTEGER NOT NULL,
    avg_cost INTEGER NOT NULL,
    realised_pnl INTEGER NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE api_calls (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    source TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    symbol TEXT,
    outcome TEXT NOT NULL,
    duration_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX api_calls_source_at ON api_calls (source, at);
