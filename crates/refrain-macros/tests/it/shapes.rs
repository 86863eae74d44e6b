//! What functions may take and give.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use refrain::{Keyable, cached_result_sync};

/// Counts runs of the function it is declared for.
macro_rules! counter {
    ($name:ident) => {
        static $name: AtomicU32 = AtomicU32::new(0);
    };
}

fn run(counter: &AtomicU32) -> u32 {
    counter.fetch_add(1, Ordering::Relaxed) + 1
}

#[test]
fn a_function_runs_once_for_the_same_arguments() {
    counter!(RUNS);

    #[cached_result_sync]
    fn paint(prompt: String, seed: u64) -> Vec<u8> {
        run(&RUNS);
        format!("{prompt} {seed}").into_bytes()
    }

    let cat = paint("a cat".to_owned(), 7);
    assert_eq!(cat, b"a cat 7");
    assert_eq!(paint("a cat".to_owned(), 7), cat);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert_ne!(paint("a cat".to_owned(), 8), cat);
    assert_ne!(paint("a dog".to_owned(), 7), cat);
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn references_are_keyed_by_what_they_refer_to() {
    counter!(RUNS);

    #[cached_result_sync]
    fn join(words: &[&str], path: &Path, scale: &f64, note: Cow<'_, str>) -> String {
        run(&RUNS);
        format!("{words:?} {} {scale} {note}", path.display())
    }

    let owned = String::from("two");
    let first = join(&["one", "two"], Path::new("a"), &0.5, Cow::Borrowed("x"));
    let again = join(
        &["one", &owned],
        Path::new("a"),
        &0.5,
        Cow::Owned("x".to_owned()),
    );
    assert_eq!(first, again);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert_ne!(
        join(&["onetwo"], Path::new("a"), &0.5, Cow::Borrowed("x")),
        first
    );
}

#[test]
fn a_function_without_arguments_runs_once() {
    counter!(RUNS);

    #[cached_result_sync]
    fn table() -> BTreeMap<u8, String> {
        run(&RUNS);
        BTreeMap::from([(1, "one".to_owned())])
    }

    assert_eq!(table(), table());
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn none_is_a_value() {
    counter!(RUNS);

    #[cached_result_sync]
    fn find(name: &str) -> Option<u32> {
        run(&RUNS);
        name.parse().ok()
    }

    assert_eq!((find("x"), find("x"), find("12")), (None, None, Some(12)));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

#[test]
fn generic_instances_have_keys_of_their_own() {
    counter!(RUNS);

    #[cached_result_sync]
    fn name<T: Keyable + Display>(value: T) -> String {
        run(&RUNS);
        format!("{} {value}", std::any::type_name::<T>())
    }

    assert_eq!(name(1_u8), "u8 1");
    assert_eq!(name(1_u16), "u16 1");
    assert_eq!(name(1_u8), "u8 1");
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);

    #[cached_result_sync]
    fn zeros<const N: usize>() -> Vec<u8> {
        run(&RUNS);
        vec![0; N]
    }

    assert_eq!((zeros::<2>().len(), zeros::<3>().len()), (2, 3));
    assert_eq!((zeros::<2>().len(), zeros::<3>().len()), (2, 3));
    assert_eq!(RUNS.load(Ordering::Relaxed), 4);
}

#[test]
fn an_unnamed_type_counts_as_well() {
    #[cached_result_sync]
    fn name(value: impl Keyable + Display) -> String {
        fn of<T>(_: &T) -> &'static str {
            std::any::type_name::<T>()
        }
        format!("{} {value}", of(&value))
    }

    assert_eq!(
        (name(1_u8), name(1_i64)),
        ("u8 1".to_owned(), "i64 1".to_owned())
    );
}

#[test]
fn patterns_in_the_place_of_names_are_bound_for_the_body() {
    counter!(RUNS);

    struct Size {
        width: u32,
        height: u32,
    }
    impl Keyable for Size {
        fn encode_key(
            &self,
            encoder: refrain::KeyEncoder<'_>,
        ) -> Result<refrain::key::Encoded, refrain::Unkeyable> {
            encoder.record("Size", &[("width", &self.width), ("height", &self.height)])
        }
    }

    #[cached_result_sync]
    fn area((x, mut y): (u32, u32), Size { width, height }: Size, _: bool, mut n: u32) -> u32 {
        run(&RUNS);
        y += 1;
        n += 1;
        (x + width) * (y + height) * n
    }

    let size = || Size {
        width: 1,
        height: 2,
    };
    assert_eq!(area((1, 2), size(), true, 0), 10);
    assert_eq!(area((1, 2), size(), true, 0), 10);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert_eq!(area((1, 2), size(), false, 0), 10);
    assert_eq!(
        RUNS.load(Ordering::Relaxed),
        2,
        "what has no name counts, too"
    );
}

#[test]
fn an_early_return_is_the_result() {
    #[cached_result_sync]
    fn sign(number: i32) -> &'static str {
        if number < 0 {
            return "minus";
        }
        "plus"
    }

    assert_eq!((sign(-1), sign(-1), sign(1)), ("minus", "minus", "plus"));
}

#[test]
fn a_shared_value_is_not_copied() {
    #[cached_result_sync]
    fn picture(seed: u64) -> Arc<[u8]> {
        vec![seed.to_le_bytes()[0]; 1000].into()
    }

    assert!(Arc::ptr_eq(&picture(1), &picture(1)));
}

#[test]
fn an_ignored_argument_may_be_borrowed_mutably() {
    #[cached_result_sync(ignore(log))]
    fn square(number: u64, log: &mut Vec<u64>) -> u64 {
        log.push(number);
        number * number
    }

    let mut log = Vec::new();
    assert_eq!((square(3, &mut log), square(3, &mut log)), (9, 9));
    assert_eq!(log, [3]);
}

#[test]
fn lifetimes_and_bounds_of_the_function_stay() {
    #[cached_result_sync]
    fn longest<'a, 'b, T>(words: &'a [T], other: &'b T) -> usize
    where
        T: AsRef<str> + Keyable,
        'a: 'b,
    {
        words
            .iter()
            .chain([other])
            .map(|word| word.as_ref().len())
            .max()
            .unwrap_or(0)
    }

    assert_eq!(longest(&["a", "bcd"], &"ef"), 3);
}

#[test]
fn raw_names_and_other_attributes_work() {
    #[cached_result_sync]
    #[must_use]
    #[inline]
    #[expect(
        unused_variables,
        reason = "the attribute of the function reaches its body"
    )]
    fn r#match(r#type: &str) -> String {
        let unused = 1;
        r#type.to_uppercase()
    }

    assert_eq!(r#match("a"), "A");
}
