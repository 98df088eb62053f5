//! Figures beside what was promised.

/// Prints a figure beside its limit.
pub(crate) fn promise(what: &str, measured: f64, limit: f64, unit: &str) {
    let verdict = if measured <= limit { "met" } else { "NOT MET" };
    println!("{verdict:<8} {what:<52} {measured:>9.3} {unit:<3} (promised <= {limit} {unit})");
}
