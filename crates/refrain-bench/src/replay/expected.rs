//! What each policy saved in the study that the design of the default policy comes from, and what others did.

use std::collections::HashMap;

/// Computation time saved by each policy, by trace and capacity.
#[derive(Debug)]
pub(crate) struct Expected {
    columns: Vec<&'static str>,
    rows: HashMap<(&'static str, &'static str), Vec<f64>>,
}

/// One trace at one capacity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    columns: &'a [&'static str],
    saved: &'a [f64],
}

impl Expected {
    pub(crate) fn known() -> Self {
        let mut lines = include_str!("../../data/expected.csv").lines();
        let columns: Vec<_> = lines
            .next()
            .expect("there is a header")
            .split(',')
            .skip(2)
            .collect();
        let rows = lines.map(|line| {
            let mut fields = line.split(',');
            let trace = fields.next().expect("a row begins with the trace");
            let capacity = fields.next().expect("then comes the capacity");
            let saved: Vec<_> = fields
                .map(|field| field.parse().expect("the rest are numbers"))
                .collect();
            assert_eq!(saved.len(), columns.len(), "{trace} {capacity}");
            ((trace, capacity), saved)
        });
        Self {
            rows: rows.collect(),
            columns,
        }
    }

    pub(crate) fn row(&self, trace: &str, capacity: &str) -> Option<Row<'_>> {
        let (_, saved) = self
            .rows
            .iter()
            .find(|((a_trace, a_capacity), _)| *a_trace == trace && *a_capacity == capacity)?;
        Some(Row {
            columns: &self.columns,
            saved,
        })
    }
}

impl Row<'_> {
    pub(crate) fn saved(&self, policy: &str) -> f64 {
        let at = self.columns.iter().position(|column| *column == policy);
        self.saved[at.expect("the policy is a column")]
    }

    /// The others, without the bound and our own.
    pub(crate) fn rivals(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.columns
            .iter()
            .zip(self.saved)
            .filter(|(column, _)| !matches!(**column, "hazard" | "bound"))
            .map(|(column, saved)| (*column, *saved))
    }

    /// The best of the others, and what it saved.
    pub(crate) fn best_rival(&self) -> (&'static str, f64) {
        self.rivals()
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .expect("there are rivals")
    }
}
