//! What caches do where it gets difficult: one question at a time, each in a process that is ended when it hangs.

mod cache;
mod limits;
mod tasks;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::child;
use crate::machine;
use cache::Probed;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Caches to ask [default: all]
    #[arg(long, value_delimiter = ',', value_name = "CACHE")]
    only: Vec<ProbedName>,
    /// Seconds after which a cache that gives no answer is said to hang
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=600))]
    patience: u64,
    /// Ask one question in this process and print the finding as JSON
    #[arg(long, hide = true)]
    child: Option<Question>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProbedName {
    Refrain,
    Moka,
    MiniMoka,
    #[value(name = "quick_cache")]
    QuickCache,
    Foyer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Question {
    Collapse,
    InvalidateDuringLoad,
    Reenter,
    Cycle,
    Panic,
    LeaderLeaves,
    LeaderLeavesAWaiter,
    LeaderNotDriven,
    EndlessTimeToLive,
    TooLarge,
}

impl Question {
    fn text(self) -> &'static str {
        match self {
            Self::Collapse => "16 threads ask for one key",
            Self::InvalidateDuringLoad => "invalidate a key while it is computed, then get it",
            Self::Reenter => "a computation asks for its own key",
            Self::Cycle => "thread A computes 1 and needs 2, B computes 2 and needs 1",
            Self::Panic => "a computation panics, then another caller asks",
            Self::LeaderLeaves => "the task that computes is dropped, then another caller asks",
            Self::LeaderLeavesAWaiter => {
                "the task that computes is dropped while another one waits"
            }
            Self::LeaderNotDriven => {
                "the task that computes is polled once and then not, while another one waits"
            }
            Self::EndlessTimeToLive => "time to live of `Duration::MAX`",
            Self::TooLarge => "a value of 1 GiB, capacity 256 MiB",
        }
    }

    fn ask(self, name: ProbedName) -> Finding {
        match self {
            Self::EndlessTimeToLive => return limits::endless_time_to_live(name),
            Self::TooLarge => return limits::too_large(name),
            _ => {}
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_time()
            .build()
            .expect("a runtime can be started");
        let Some(cache) = cache::probed(name, runtime.handle()) else {
            return Finding::not_offered("computes nothing");
        };
        match self {
            Self::Collapse => threads::collapse(&cache),
            Self::InvalidateDuringLoad => threads::invalidate_during_load(&cache),
            Self::Reenter => threads::reenter(&cache),
            Self::Cycle => threads::cycle(&cache),
            Self::Panic => threads::panic(&cache),
            Self::LeaderLeaves => runtime.block_on(tasks::leader_leaves(cache)),
            Self::LeaderLeavesAWaiter => runtime.block_on(tasks::leader_leaves_a_waiter(cache)),
            Self::LeaderNotDriven => runtime.block_on(tasks::leader_not_driven(cache)),
            Self::EndlessTimeToLive | Self::TooLarge => unreachable!("answered above"),
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Finding {
    text: String,
    /// Whether it is what one would wish for; `None` when the cache offers no such thing.
    good: Option<bool>,
}

impl Finding {
    fn new(good: bool, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            good: Some(good),
        }
    }

    fn not_offered(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            good: None,
        }
    }
}

pub(crate) fn run(options: &Options) {
    if let (Some(question), [name]) = (options.child, options.only.as_slice()) {
        println!("{}", serde_json::json!(question.ask(*name)));
        return;
    }
    let names = if options.only.is_empty() {
        ProbedName::value_variants()
    } else {
        &options.only
    };
    println!("{}\n\nBold: as one would wish.\n", machine::description());
    print!("| |");
    for name in names {
        print!(" {} |", argument(name));
    }
    println!("\n|---|{}", "---|".repeat(names.len()));
    for question in Question::value_variants() {
        print!("| {} |", question.text());
        for name in names {
            let finding = find(*question, *name, Duration::from_secs(options.patience));
            if finding.good == Some(true) {
                print!(" **{}** |", finding.text);
            } else {
                print!(" {} |", finding.text);
            }
        }
        println!();
    }
}

fn find(question: Question, name: ProbedName, patience: Duration) -> Finding {
    let (name, question) = (argument(&name), argument(&question));
    let arguments = ["probe", "--only", &name, "--child", &question];
    match child::ask::<Finding>(&arguments, patience) {
        Ok(finding) => finding,
        Err(child::ChildError::TimedOut { .. }) => Finding::new(false, "hangs"),
        Err(error) => Finding::new(false, format!("not found out: {error}")),
    }
}

/// The name by which the command line knows `value`.
fn argument(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value().expect("no variant is skipped");
    value.get_name().to_owned()
}

/// A cache that tasks and threads share.
type Shared = Arc<dyn Probed>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refrain_does_what_one_would_wish() {
        for question in Question::value_variants() {
            // A gigabyte is too much for a test run.
            if *question == Question::TooLarge {
                continue;
            }
            let finding = question.ask(ProbedName::Refrain);
            assert_eq!(finding.good, Some(true), "{question:?}: {finding:?}");
        }
    }
}
