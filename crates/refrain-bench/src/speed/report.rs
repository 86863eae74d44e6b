//! The tables: ratios to the best rival first, then what was measured.

use super::workload::Workload;
use super::{Cell, KeyKind, Plan, Series};
use crate::statistics::{median, spread};
use crate::subject::SubjectName;

/// Workloads that share a table.
const GROUPS: [&[Workload]; 3] = [
    &[Workload::Hit1000k, Workload::Hit10k],
    &[Workload::Through, Workload::ThroughOwn],
    &[Workload::Mixed, Workload::Churn],
];

pub(super) fn print(machine: &str, plan: &Plan, cells: &[Cell]) {
    println!("{machine}");
    println!(
        "{} rounds of {:?} slices, medians\n",
        plan.rounds, plan.length.measured
    );
    for keys in [KeyKind::Digest, KeyKind::U64] {
        for group in GROUPS {
            let columns: Vec<&Cell> = cells
                .iter()
                .filter(|cell| cell.keys == keys && group.contains(&cell.workload))
                .collect();
            if !columns.is_empty() {
                ratios(plan, keys, &columns);
                measured(plan, &columns);
            }
        }
    }
    println!(
        "`†` has no function of its own that computes a missing value: looked up, then inserted."
    );
    let slices: usize = all(cells).map(|s| s.operations_per_second.len()).sum();
    let disturbed: usize = all(cells).map(|s| s.disturbed_slices).sum();
    println!("{disturbed} of {slices} slices stayed disturbed by other processes.");
}

fn all(cells: &[Cell]) -> impl Iterator<Item = &Series> {
    cells.iter().flat_map(|cell| &cell.series)
}

fn heading(first: &str, columns: &[&Cell]) {
    print!("| {first} |");
    for cell in columns {
        print!(" {} {}T |", cell.workload, cell.threads);
    }
    println!("\n|---|{}", "--:|".repeat(columns.len()));
}

fn ratios(plan: &Plan, keys: KeyKind, columns: &[&Cell]) {
    heading(&format!("{keys:?} keys, ratio to the best rival"), columns);
    print!("| *best rival, million operations/s* |");
    for cell in columns {
        match cell.best_rival() {
            Some(best) => print!(" *{:.1}* |", best.median() / 1e6),
            None => print!(" |"),
        }
    }
    println!();
    for subject in &plan.subjects {
        print!("| {subject} |");
        for cell in columns {
            print!(" {} |", ratio(cell, *subject).unwrap_or_default());
        }
        println!();
    }
    println!();
}

/// In bold: the best rival, and ours where it is at least as fast.
fn ratio(cell: &Cell, subject: SubjectName) -> Option<String> {
    let best = cell.best_rival()?;
    let series = cell.of(subject)?;
    let ratio = series.ratio_to(best);
    let mark = if cell.workload == Workload::ThroughOwn && !subject.computes() {
        "†"
    } else {
        ""
    };
    let leads = subject == best.subject || (subject.is_refrain() && ratio >= 1.0);
    Some(if leads {
        format!("**{ratio:.2}**{mark}")
    } else {
        format!("{ratio:.2}{mark}")
    })
}

fn measured(plan: &Plan, columns: &[&Cell]) {
    heading(
        "million operations/s ± spread %, processor ns/operation, hit %",
        columns,
    );
    for subject in &plan.subjects {
        print!("| {subject} |");
        for cell in columns {
            let Some(series) = cell.of(*subject) else {
                print!(" |");
                continue;
            };
            print!(
                " {:.2} ±{:.0}, {:.0} ns",
                series.median() / 1e6,
                100.0 * spread(&series.operations_per_second),
                median(&series.cpu_nanoseconds),
            );
            if !cell.workload.is_hit() && series.hit_percent.is_finite() {
                print!(", {:.1}", series.hit_percent);
            }
            print!(" |");
        }
        println!();
    }
    println!();
}
