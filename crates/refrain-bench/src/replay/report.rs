//! A Markdown table of what was saved, and whether that is what was expected.

use std::collections::BTreeMap;

use super::POLICIES;
use super::expected::Row;

/// A policy may be this many points from where it is expected, and the default one any number above. The expectations are
/// rounded to 0.1.
const TOLERANCE: f64 = 0.5 + 0.05;
/// The default policy may be this many points below LRU.
const BELOW_LRU: f64 = 0.5;
/// Prefixes of conversations, where recency is all there is: the one exception to that.
const BELOW_LRU_EXCEPTION: &str = "mooncake-conv-kv";

const LRU: usize = 0;
const HAZARD: usize = POLICIES.len() - 1;

#[derive(Debug)]
pub(crate) struct Report {
    /// Of each policy at each point.
    saved: Vec<[f64; POLICIES.len()]>,
    /// By how many points it missed what was expected, where that can be told exactly.
    missed: Vec<[f64; POLICIES.len()]>,
    rivals: BTreeMap<&'static str, f64>,
    compared: usize,
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        let header: Vec<_> = POLICIES
            .iter()
            .map(|name| format!("{name} | expected"))
            .collect();
        println!(
            "| trace | capacity | {} | best rival | of the bound |",
            header.join(" | ")
        );
        println!("|---|--:|{}--:|--:|", "--:|--:|".repeat(POLICIES.len()));
        Self {
            saved: Vec::new(),
            missed: Vec::new(),
            rivals: BTreeMap::new(),
            compared: 0,
            failures: Vec::new(),
        }
    }

    /// One trace at one capacity: what was saved in each run, as parts of the whole cost.
    pub(crate) fn add(
        &mut self,
        trace: &str,
        capacity: &str,
        runs: &[[f64; POLICIES.len()]],
        row: Option<Row<'_>>,
    ) {
        let mut cells = vec![trace.to_owned(), capacity.to_owned()];
        let mut means = [0.0; POLICIES.len()];
        let mut missed = [0.0; POLICIES.len()];
        for (at, name) in POLICIES.iter().enumerate() {
            let (mean, deviation) = mean_and_deviation(runs.iter().map(|run| run[at] * 100.0));
            means[at] = mean;
            cells.push(match runs.len() {
                1 => format!("{mean:.2}"),
                _ => format!("{mean:.2} ± {deviation:.1}"),
            });
            cells.push(row.map_or_else(String::new, |row| {
                missed[at] = mean - row.saved(name) * 100.0;
                format!("{:+.2}", missed[at])
            }));
        }
        if let Some(row) = row {
            let (rival, best) = row.best_rival();
            cells.push(format!("{:.1} {rival}", best * 100.0));
            cells.push(format!("{:.0}%", means[HAZARD] / row.saved("bound")));
            self.compared += 1;
            for (rival, saved) in row.rivals() {
                *self.rivals.entry(rival).or_default() += saved * 100.0;
            }
        } else {
            cells.extend([String::new(), String::new()]);
        }
        println!("| {} |", cells.join(" | "));
        self.judge(
            &format!("{trace} at {capacity}"),
            &means,
            &missed,
            row.is_some() && runs.len() == 1,
        );
        self.saved.push(means);
    }

    fn judge(
        &mut self,
        point: &str,
        means: &[f64; POLICIES.len()],
        missed: &[f64; POLICIES.len()],
        exact: bool,
    ) {
        if exact {
            self.missed.push(*missed);
            for (at, (missed, name)) in missed.iter().zip(POLICIES).enumerate() {
                let is_better = at == HAZARD && *missed > 0.0;
                if missed.abs() > TOLERANCE && !is_better {
                    self.failures.push(format!(
                        "{name} is {missed:+.2} points from where it should be on {point}"
                    ));
                }
            }
        }
        let below = means[LRU] - means[HAZARD];
        if below > BELOW_LRU && !point.starts_with(BELOW_LRU_EXCEPTION) {
            self.failures
                .push(format!("hazard is {below:.2} points below lru on {point}"));
        }
    }

    /// The summary; how much is not as it was expected to be.
    pub(crate) fn summarize(&mut self) -> usize {
        println!();
        let points = self.saved.len();
        for (at, name) in POLICIES.iter().enumerate() {
            let (mean, _) = mean_and_deviation(self.saved.iter().map(|saved| saved[at]));
            let worst = self
                .missed
                .iter()
                .map(|missed| missed[at])
                .reduce(|one, other| if other.abs() > one.abs() { other } else { one });
            let above_lru = self
                .saved
                .iter()
                .map(|saved| saved[at] - saved[LRU])
                .fold(f64::INFINITY, f64::min);
            print!(
                "{name}: {mean:.2} points in the mean of {points}, at worst {above_lru:+.2} from lru"
            );
            match worst {
                Some(worst) => println!("; {worst:+.2} from what was expected"),
                None => println!(),
            }
        }
        if self.compared == points && points > 0 {
            self.compare_with_rivals();
        }
        for failure in &self.failures {
            println!("not as expected: {failure}");
        }
        self.failures.len()
    }

    fn compare_with_rivals(&mut self) {
        let (ours, _) = mean_and_deviation(self.saved.iter().map(|saved| saved[HAZARD]));
        for (rival, sum) in &self.rivals {
            let mean = sum / count(self.compared);
            println!(
                "rival {rival}: {mean:.2} points in the mean, hazard {:+.2}",
                ours - mean
            );
            if mean >= ours {
                self.failures.push(format!(
                    "{rival} saves {mean:.2} points in the mean, hazard {ours:.2}"
                ));
            }
        }
    }
}

fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let number = count(values.clone().count().max(1));
    let mean = values.clone().sum::<f64>() / number;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / number;
    (mean, variance.sqrt())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("there are few points"))
}
