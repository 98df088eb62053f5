//! The tables of the assistant's database, as a list of migrations that only ever grows.

/// What brings a database from version n to n + 1 stands at index n.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("meta.sql"),
    include_str!("findings.sql"),
];

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn fresh() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS {
            connection.execute_batch(migration).unwrap();
        }
        connection
    }

    /// The first line of the plan of a query.
    fn plan(sql: &str) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        fresh().query_row(&sql, [], |row| row.get(3)).unwrap()
    }

    #[test]
    fn the_guides_questions_are_answered_by_an_index() {
        for (sql, index) in [
            (
                "SELECT * FROM signals WHERE timestamp < '2013'",
                "signals_timestamp",
            ),
            (
                "SELECT * FROM trades WHERE symbol = 'AAPL'",
                "trades_symbol",
            ),
            ("SELECT * FROM positions WHERE symbol = 'AAPL'", "symbol"),
            (
                "SELECT * FROM api_calls WHERE source = 'x' AND at > '2013'",
                "api_calls_source_at",
            ),
            (
                "SELECT * FROM bars WHERE symbol = 'x' AND timeframe = '1d' AND ts > 'y'",
                "PRIMARY",
            ),
            (
                "SELECT * FROM findings WHERE symbol = 'x' AND timeframe = '1d' AND ts >= 'y'",
                "PRIMARY",
            ),
        ] {
            let plan = plan(sql);
            assert!(
                plan.starts_with("SEARCH") && plan.contains(index),
                "{sql}: {plan}"
            );
        }
    }

    #[test]
    fn a_signal_is_never_there_twice() {
        let connection = fresh();
        let insert = "INSERT INTO signals VALUES
            (NULL, 'AAPL', '1d', '2013-01-02T21:00:00Z', 's', 'buy', 1, 1, '{}', 'csv', 'none', 'h', '1')";
        connection.execute_batch(insert).unwrap();
        assert!(connection.execute_batch(insert).is_err());
    }

    #[test]
    fn money_is_never_a_float() {
        let sql = "INSERT INTO trades VALUES (NULL, 'AAPL', 'buy', 1, 1.5, 0, 't', NULL, NULL)";
        assert!(fresh().execute_batch(sql).is_err());
    }
}
