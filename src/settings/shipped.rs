//! Files that the first start makes, so that a fresh root gives signals at once.

/// The rules to begin with.
pub const STRATEGIES: &str = include_str!("../../config/strategies.yaml");

/// The symbols to begin with.
pub const WATCH_LIST: &str = include_str!("../../config/watchlist.yaml");

/// Real daily bars as traded, public domain; by the names of their files.
pub const PRICES: [(&str, &str); 3] = [
    (
        "AAPL.csv",
        include_str!("../../config/sample/prices/AAPL.csv"),
    ),
    (
        "GOOG.csv",
        include_str!("../../config/sample/prices/GOOG.csv"),
    ),
    (
        "MSFT.csv",
        include_str!("../../config/sample/prices/MSFT.csv"),
    ),
];
