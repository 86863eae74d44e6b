//! What the cache is meant to reach beside its rivals, and whether it did.

use super::Cell;
use super::workload::Workload;
use crate::statistics::geometric_mean;
use crate::subject::SubjectName;

/// One goal: a name, what it asks for at least, and how to find the figure in what was measured.
struct Target {
    name: &'static str,
    at_least: f64,
    figure: fn(&[Cell], SubjectName) -> Vec<f64>,
    /// How the ratios of several cells become one.
    of_several: fn(&[f64]) -> f64,
}

const TARGETS: [Target; 5] = [
    Target {
        name: "all cells against quick_cache, geometric mean",
        at_least: 1.2,
        figure: |cells, us| ratios(cells, us, SubjectName::QuickCache, |_| true),
        of_several: geometric_mean,
    },
    Target {
        name: "all cells against the best rival of each, geometric mean",
        at_least: 1.0,
        figure: ratios_to_best,
        of_several: geometric_mean,
    },
    Target {
        name: "slowest cell against quick_cache",
        at_least: 0.9,
        figure: |cells, us| ratios(cells, us, SubjectName::QuickCache, |_| true),
        of_several: lowest,
    },
    Target {
        name: "hits on 10,000 entries with 2 threads against quick_cache",
        at_least: 2.0,
        figure: |cells, us| {
            ratios(cells, us, SubjectName::QuickCache, |cell| {
                cell.workload == Workload::Hit10k && cell.threads == 2
            })
        },
        of_several: lowest,
    },
    Target {
        name: "hits on 1,000,000 entries against dashmap, slowest cell",
        at_least: 0.8,
        figure: |cells, us| {
            ratios(cells, us, SubjectName::Dashmap, |cell| {
                cell.workload == Workload::Hit1000k
            })
        },
        of_several: lowest,
    },
];

fn ratios(
    cells: &[Cell],
    us: SubjectName,
    them: SubjectName,
    counts: fn(&Cell) -> bool,
) -> Vec<f64> {
    cells
        .iter()
        .filter(|cell| counts(cell))
        .filter_map(|cell| Some(cell.of(us)?.ratio_to(cell.of(them)?)))
        .collect()
}

fn ratios_to_best(cells: &[Cell], us: SubjectName) -> Vec<f64> {
    cells
        .iter()
        .filter_map(|cell| Some(cell.of(us)?.ratio_to(cell.best_rival()?)))
        .collect()
}

fn lowest(ratios: &[f64]) -> f64 {
    ratios.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(super) fn print(subjects: &[SubjectName], cells: &[Cell]) {
    for us in subjects.iter().filter(|name| name.is_refrain()) {
        println!("\n| {us} | cells | at least | measured | |\n|---|--:|--:|--:|---|");
        for target in &TARGETS {
            let ratios = (target.figure)(cells, *us);
            if ratios.is_empty() {
                println!(
                    "| {} | 0 | {:.1} | | not measured |",
                    target.name, target.at_least
                );
                continue;
            }
            let figure = (target.of_several)(&ratios);
            let verdict = if figure >= target.at_least {
                "met"
            } else {
                "missed"
            };
            println!(
                "| {} | {} | {:.1} | {figure:.2} | {verdict} |",
                target.name,
                ratios.len(),
                target.at_least
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KeyKind, Series};
    use super::*;

    fn cell(workload: Workload, speeds: &[(SubjectName, f64)]) -> Cell {
        let series = speeds.iter().map(|(subject, speed)| Series {
            subject: *subject,
            operations_per_second: vec![*speed; 3],
            cpu_nanoseconds: vec![1.0; 3],
            hit_percent: 100.0,
            disturbed_slices: 0,
        });
        Cell {
            keys: KeyKind::Digest,
            workload,
            threads: 2,
            series: series.collect(),
        }
    }

    #[test]
    fn we_are_compared_with_the_best_rival_of_each_cell_and_never_with_a_map() {
        use SubjectName::{Dashmap, Hashlink, QuickCache, Refrain};
        let cells = [
            cell(
                Workload::Hit10k,
                &[
                    (Refrain, 8.0),
                    (QuickCache, 4.0),
                    (Hashlink, 2.0),
                    (Dashmap, 99.0),
                ],
            ),
            cell(
                Workload::Mixed,
                &[(Refrain, 8.0), (QuickCache, 4.0), (Hashlink, 16.0)],
            ),
        ];
        assert_eq!(ratios_to_best(&cells, Refrain), [2.0, 0.5]);
        assert_eq!((TARGETS[3].figure)(&cells, Refrain), [2.0]);
        assert!((TARGETS[4].figure)(&cells, Refrain).is_empty());
    }
}
