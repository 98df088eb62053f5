//! Columns that fit the terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};

/// A table without lines: a header and rows.
pub(in crate::cli) struct Table {
    table: comfy_table::Table,
    /// The width of the first column: it is what people copy, so it is never broken.
    first: usize,
}

impl Table {
    pub(in crate::cli) fn new<const N: usize>(header: [&str; N]) -> Self {
        Self::with_columns(header.map(str::to_owned))
    }

    /// A table whose columns are known only when it is made.
    pub(in crate::cli) fn with_columns(header: impl IntoIterator<Item = String>) -> Self {
        let header: Vec<String> = header.into_iter().collect();
        let mut table = comfy_table::Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(&header);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let first = header.first().map_or(0, |cell| cell.chars().count());
        Self { table, first }
    }

    pub(in crate::cli) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.cells(cells);
    }

    /// A row with as many cells as there are columns.
    pub(in crate::cli) fn cells(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        self.first = self
            .first
            .max(cells.first().map_or(0, |cell| cell.chars().count()));
        self.table.add_row(cells);
    }

    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(in crate::cli) fn render(self) -> String {
        self.lines().join("\n")
    }

    /// The header and the rows, each on one line where the terminal is wide enough.
    pub(in crate::cli) fn lines(mut self) -> Vec<String> {
        // Two more for the padding.
        let width = u16::try_from(self.first + 2).unwrap_or(u16::MAX);
        if let Some(first) = self.table.column_mut(0) {
            first.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        self.table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}
