//! `Err`, panics and everything else that is not kept.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use refrain::{cached_result, cached_result_sync};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// An error that can be neither cloned nor sent.
#[derive(Debug)]
struct Local(Rc<u32>);

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local {}", self.0)
    }
}

impl std::error::Error for Local {}

#[test]
fn an_err_is_returned_and_not_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync]
    fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        text.parse()
    }

    assert!(parse("x").is_err());
    assert!(parse("x").is_err());
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    assert_eq!((parse("1"), parse("1")), (Ok(1), Ok(1)));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn any_error_will_do() {
    #[cached_result_sync]
    fn boxed(fails: bool) -> Fallible<String> {
        if fails {
            Err("no GPU")?;
        }
        Ok("picture".to_owned())
    }

    #[cached_result_sync]
    fn local(number: u32) -> Result<u32, Local> {
        Err(Local(Rc::new(number)))
    }

    assert_eq!(boxed(true).unwrap_err().to_string(), "no GPU");
    assert_eq!(boxed(false).unwrap(), "picture");
    assert_eq!(local(7).unwrap_err().to_string(), "local 7");
}

#[test]
fn the_error_is_the_one_that_the_function_returned() {
    #[derive(Debug, Clone)]
    struct Traced(std::sync::Arc<()>);

    let trace = std::sync::Arc::new(());

    #[cached_result_sync(ignore(trace))]
    fn fail(trace: std::sync::Arc<()>) -> Result<u32, Traced> {
        Err(Traced(trace))
    }

    let error = fail(trace.clone()).unwrap_err();
    assert!(std::sync::Arc::ptr_eq(&error.0, &trace));
}

#[test]
fn an_err_is_stored_if_that_is_asked_for() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(store_errors)]
    fn parse(text: &str) -> Result<u32, String> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        text.parse()
            .map_err(|_| format!("`{text}` is not a number"))
    }

    assert_eq!(parse("x"), Err("`x` is not a number".to_owned()));
    assert_eq!(parse("x"), parse("x"));
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn a_panic_reaches_the_caller_with_its_message_and_is_not_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync]
    fn fragile(number: u32) -> u32 {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        assert!(run > 0, "planted {number}");
        number
    }

    let panic = catch_unwind(|| fragile(7)).unwrap_err();
    let message = panic.downcast_ref::<String>().expect("text");
    assert_eq!(message, "planted 7");
    assert_eq!((fragile(7), fragile(7)), (7, 7));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

#[test]
fn a_key_function_that_panics_costs_the_cache_and_not_the_result() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(key = |number| 12 / number)]
    fn double(number: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        number * 2
    }

    assert_eq!((double(0), double(0)), (0, 0));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    assert_eq!((double(3), double(3)), (6, 6));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn a_switch_that_panics_costs_the_cache_and_not_the_result() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(enabled = 12 / number > 1)]
    fn double(number: u32) -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        number * 2
    }

    assert_eq!((double(0), double(0)), (0, 0));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    assert_eq!((double(3), double(3)), (6, 6));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn settings_that_panic_cost_the_entry_and_not_the_result() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(tags = [format!("{}", 12 / number)], weight = |text| 12 / text.len())]
    fn stars(number: usize, count: usize) -> String {
        RUNS.fetch_add(1, Ordering::Relaxed);
        "*".repeat(number + count)
    }

    assert_eq!((stars(0, 1), stars(0, 1)), ("*".to_owned(), "*".to_owned()));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2, "the tags panicked");
    assert_eq!(stars(1, 0), stars(1, 0));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);

    #[cached_result_sync(weight = |text| 12 / text.len())]
    fn nothing() -> String {
        RUNS.fetch_add(1, Ordering::Relaxed);
        String::new()
    }

    assert_eq!((nothing(), nothing()), (String::new(), String::new()));
    assert_eq!(RUNS.load(Ordering::Relaxed), 5, "the weight panicked");
}

#[tokio::test]
async fn a_panic_that_is_not_text_reaches_the_caller_as_it_is() {
    #[cached_result_sync]
    fn strange() -> u32 {
        std::panic::panic_any(7_u64)
    }

    #[cached_result]
    async fn stranger() -> u32 {
        std::future::ready(()).await;
        std::panic::panic_any(8_u64)
    }

    let panic = catch_unwind(AssertUnwindSafe(strange)).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&7_u64));
    let panic = tokio::spawn(stranger()).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref(), Some(&8_u64));
}
