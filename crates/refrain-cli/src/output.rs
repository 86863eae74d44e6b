//! Data for standard output, as a table for people or as JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Writes `text` to standard output. A reader that has seen enough, as `head`, is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    write(text.as_bytes())
}

/// Writes `bytes` to standard output, as [`print`].
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes `value` as one indented JSON document.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new("cannot write JSON").because(error))?;
    print(&format!("{text}\n"))
}

/// Rows, the columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    right: &'static [usize],
}

impl Table {
    /// A table without a heading.
    pub(crate) fn plain() -> Self {
        Self {
            rows: Vec::new(),
            right: &[],
        }
    }

    /// A table under `heading`, whose columns numbered in `right`, from 0, hold numbers and align at their end.
    pub(crate) fn new(heading: &[&str], right: &'static [usize]) -> Self {
        Self {
            rows: vec![heading.iter().map(ToString::to_string).collect()],
            right,
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn print(&self) -> Result<(), Failure> {
        print(&self.to_text())
    }

    pub(crate) fn to_text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let padding = " ".repeat(widths[column] - cell.chars().count());
                let (before, after) = if self.right.contains(&column) {
                    (padding.as_str(), "")
                } else {
                    ("", padding.as_str())
                };
                let gap = if column == 0 { "" } else { "  " };
                line.extend([gap, before, cell.as_str(), after]);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// `bytes` in the largest unit that leaves a number of at least 1, as `6.55 MB`; 1 MB is 1,048,576 bytes.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
    for (name, unit) in UNITS {
        if bytes >= unit {
            return format!("{:.2} {name}", lossy(bytes) / lossy(unit));
        }
    }
    format!("{bytes} bytes")
}

/// `seconds` as people say it: `0.42 s`, `3 min 20 s`, `2 h 5 min`, `6 d 1 h`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 0.001 {
        return format!("{:.0} µs", seconds * 1e6);
    }
    if seconds < 0.1 {
        return format!("{:.1} ms", seconds * 1e3);
    }
    if seconds < 60.0 {
        return format!("{seconds:.2} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive here; a float cast saturates"
    )]
    let seconds = seconds as u64;
    match seconds {
        0..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A count as a number to calculate ratios with.
#[expect(
    clippy::cast_precision_loss,
    reason = "shown with a few digits; exact up to 2^53"
)]
pub(crate) fn lossy(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_spaces() {
        let mut table = Table::new(&["name", "size", "note"], &[1]);
        table.row(["a".to_owned(), "1".to_owned(), "x".to_owned()]);
        table.row(["größer".to_owned(), "12345".to_owned(), String::new()]);
        assert_eq!(
            table.to_text(),
            "name     size  note\na           1  x\ngrößer  12345\n"
        );
    }

    #[test]
    fn bytes_are_shown_in_the_largest_unit_that_fits() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1024), "1.00 KB");
        assert_eq!(bytes(6_868_992), "6.55 MB");
        assert_eq!(bytes(5 << 30), "5.00 GB");
    }

    #[test]
    fn durations_are_shown_as_people_say_them() {
        assert_eq!(duration(0.000_25), "250 µs");
        assert_eq!(duration(0.004_25), "4.2 ms");
        assert_eq!(duration(0.424), "0.42 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(7500.0), "2 h 5 min");
        assert_eq!(duration(522_100.0), "6 d 1 h");
    }
}
