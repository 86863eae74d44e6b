//! The process-wide cache, in processes of their own: what the environment says is read once.

use std::env;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use refrain::{GlobalError, cached_result_sync};

static RUNS: AtomicU32 = AtomicU32::new(0);

#[cached_result_sync]
fn paint(seed: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    seed
}

/// Runs the ignored test `name` of this module in a process with these variables.
fn in_a_process(name: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env::current_exe().expect("a test has a file"));
    command.args(["--ignored", "--exact", "--nocapture"]);
    command.arg(format!("global::{name}"));
    for variable in [
        "DISABLE_RESULT_CACHE",
        "CACHE_MAX_SIZE",
        "CACHE_MAX_MEMORY_MB",
        "CACHE_TTL_SECONDS",
    ] {
        command.env_remove(variable);
    }
    let output = command
        .envs(variables.iter().copied())
        .output()
        .expect("it can be run again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{name}: {output:?}");
    output
}

#[test]
fn the_environment_configures_it() {
    in_a_process(
        "of_two_entries",
        &[("CACHE_MAX_SIZE", "2"), ("CACHE_TTL_SECONDS", "never")],
    );
}

#[test]
#[ignore = "run by `the_environment_configures_it`"]
fn of_two_entries() {
    assert_eq!((paint(1), paint(2), paint(1)), (1, 2, 1));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    (3..20).for_each(|seed| assert_eq!(paint(seed), seed));
    assert_eq!(
        (
            refrain::global().len(),
            refrain::global().capacity().entries
        ),
        (2, 2)
    );
    assert_eq!(refrain::global().time_to_live(), None);
    let late = refrain::init_global(|settings| settings);
    assert_eq!(late.unwrap_err(), GlobalError::AlreadyInUse);
}

#[test]
fn disabled_it_stores_nothing_and_functions_are_simply_called() {
    in_a_process("disabled", &[("DISABLE_RESULT_CACHE", "1")]);
}

#[test]
#[ignore = "run by `disabled_it_stores_nothing_and_functions_are_simply_called`"]
fn disabled() {
    assert_eq!((paint(1), paint(1)), (1, 1));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    assert!(refrain::global().is_empty());
    assert_eq!(refrain::function_stats()[0].uncached, 2);
}

#[test]
fn a_variable_that_makes_no_sense_is_an_error_and_costs_no_result() {
    let output = in_a_process("misconfigured", &[("CACHE_MAX_SIZE", "many")]);
    let said = String::from_utf8_lossy(&output.stderr);
    let warnings: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("refrain: "))
        .collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(
        warnings[0].contains("`it::global::paint`")
            && warnings[0].ends_with(
                "environment variable `CACHE_MAX_SIZE` is `many`, allowed: a whole number from 1 to 1000000000"
            ),
        "{said}"
    );
}

#[test]
#[ignore = "run by `a_variable_that_makes_no_sense_is_an_error_and_costs_no_result`"]
fn misconfigured() {
    assert_eq!((paint(1), paint(1)), (1, 1));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    let error = refrain::try_global().unwrap_err();
    assert!(matches!(
        error,
        GlobalError::Environment { variable: "CACHE_MAX_SIZE", ref value, .. } if value == "many"
    ));
    let panic = std::panic::catch_unwind(refrain::global).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>(), Some(&error.to_string()));
}

#[test]
fn a_program_may_add_settings_of_its_own_before_the_first_use() {
    in_a_process("initialized", &[("CACHE_MAX_SIZE", "5")]);
}

#[test]
#[ignore = "run by `a_program_may_add_settings_of_its_own_before_the_first_use`"]
fn initialized() {
    let hour = Duration::from_secs(3600);
    let cache = refrain::init_global(|settings| settings.time_to_live(hour)).unwrap();
    assert_eq!(
        (cache.capacity().entries, cache.time_to_live()),
        (5, Some(hour))
    );
    paint(1);
    assert_eq!(cache.len(), 1);
}
