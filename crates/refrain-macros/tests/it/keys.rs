//! What two calls must have in common to share a result.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use refrain::{Cache, Key, Unkeyable, cached_result_sync};

#[test]
fn the_default_key_is_the_same_in_every_run() {
    let cache: Cache<Key, u64> = Cache::builder().build().unwrap();

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn area(cache: &Cache<Key, u64>, width: u32, height: u32) -> u64 {
        u64::from(width) * u64::from(height)
    }

    assert_eq!(area(&cache, 2, 3), 6);
    let by_hand = Key::builder()
        .generator(
            "it::keys::the_default_key_is_the_same_in_every_run::area",
            "1",
        )
        .part("width", &2)
        .part("height", &3)
        .build()
        .unwrap();
    assert_eq!(cache.get(&by_hand), Some(6));
    let vector = "4a051b2f8b6ef54000212cd6388c125479fccd7f73b64306ee62fd0ba3536fbf";
    assert_eq!(by_hand.to_string(), vector);
}

#[test]
fn the_key_is_made_by_a_closure_over_arguments_by_name() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(key = |prompt, seed: &u64| (prompt.trim().to_lowercase(), *seed))]
    fn paint(prompt: &str, seed: u64, progress: fn(u8)) -> String {
        RUNS.fetch_add(1, Ordering::Relaxed);
        progress(100);
        format!("{prompt} {seed}")
    }

    let first = paint("A cat ", 7, |_| {});
    assert_eq!(paint("a cat", 7, |_| {}), first);
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    paint("a cat", 8, |_| {});
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

#[test]
fn a_key_is_taken_as_it_is_and_shared_with_other_doors() {
    fn key_of(seed: u64) -> Result<Key, Unkeyable> {
        Key::builder()
            .generator("relief", "1")
            .part("seed", &seed)
            .build()
    }

    let cache: Cache<Key, Bytes> = Cache::builder().build().unwrap();
    cache.insert(key_of(7).unwrap(), Bytes::from_static(b"from the server"));

    #[cached_result_sync(cache = cache, key = |seed| key_of(*seed))]
    fn relief(cache: &Cache<Key, Bytes>, seed: u64) -> Bytes {
        Bytes::from(format!("computed {seed}"))
    }

    #[cached_result_sync(cache = cache, key = |key| *key)]
    fn by_key(cache: &Cache<Key, Bytes>, key: Key) -> Bytes {
        Bytes::new()
    }

    assert_eq!(relief(&cache, 7), "from the server");
    assert_eq!(by_key(&cache, key_of(7).unwrap()), "from the server");
    assert_eq!(relief(&cache, 8), "computed 8");
    assert_eq!(by_key(&cache, key_of(8).unwrap()), "computed 8");
}

#[test]
fn without_a_key_the_function_is_simply_called() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(key = |text| -> Result<Key, Unkeyable> {
        if text.is_empty() {
            return Err(Unkeyable::new("it is empty"));
        }
        Key::builder().generator("length", "1").part("text", &text).build()
    })]
    fn length(text: &str) -> usize {
        RUNS.fetch_add(1, Ordering::Relaxed);
        text.len()
    }

    assert_eq!((length(""), length("")), (0, 0));
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    assert_eq!((length("ab"), length("ab")), (2, 2));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn an_argument_that_contains_itself_has_no_key_and_the_function_is_called() {
    use std::cell::RefCell;
    use std::rc::Rc;

    use refrain::key::Encoded;
    use refrain::{KeyEncoder, Keyable, function_stats};

    struct Node {
        next: RefCell<Option<Rc<Node>>>,
    }
    impl Keyable for Node {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            encoder.record("Node", &[("next", &*self.next.borrow())])
        }
    }

    #[cached_result_sync(name = "keys::walk")]
    fn walk(node: &Rc<Node>) -> usize {
        Rc::strong_count(node)
    }

    let node = Rc::new(Node {
        next: RefCell::new(None),
    });
    assert_eq!((walk(&node), walk(&node)), (1, 1));
    *node.next.borrow_mut() = Some(Rc::clone(&node));
    assert_eq!((walk(&node), walk(&node)), (2, 2));
    node.next.borrow_mut().take();
    let stats = function_stats();
    let walk = stats.iter().find(|stats| stats.name == "keys::walk");
    let walk = walk.expect("it was called");
    assert_eq!((walk.misses, walk.hits, walk.uncached), (1, 1, 2));
}

#[test]
fn what_can_be_an_argument_is_told_apart_by_value_and_by_type() {
    use std::collections::{BTreeMap, HashMap};
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use refrain::{Keyable, key::canonical_form};

    let forms: Vec<Vec<u8>> = [
        &1_i64 as &dyn Keyable,
        &-1_i64,
        &1.0_f64,
        &0.0_f64,
        &-0.0_f64,
        &f64::NAN,
        &f64::from_bits(f64::NAN.to_bits() ^ 1),
        &true,
        &"1",
        &"",
        &b"1".as_slice(),
        &[1_u16].as_slice(),
        &(1,),
        &(),
        &None::<u8>,
        &Some(1),
        &Some(None::<u8>),
        &Ok::<u8, u8>(1),
        &Err::<u8, u8>(1),
        &BTreeMap::from([("a", 1)]),
        &Duration::from_nanos(1),
        &Path::new("a"),
        &(0..1),
    ]
    .into_iter()
    .map(|value| canonical_form(value).expect("it can be keyed"))
    .collect();
    for (at, form) in forms.iter().enumerate() {
        assert!(!forms[..at].contains(form), "value {at} is another one");
    }
    let same = |one: &dyn Keyable, other: &dyn Keyable| {
        assert_eq!(canonical_form(&one), canonical_form(&other));
    };
    same(&1_u8, &1_i128);
    same(&0.5_f32, &0.5_f64);
    same(&f32::NAN, &f64::NAN);
    same(&'a', &"a".to_owned());
    same(&vec![1_u8], &[1_u8]);
    same(
        &HashMap::from([("b", 2), ("a", 1)]),
        &BTreeMap::from([("a", 1), ("b", 2)]),
    );
    same(&PathBuf::from("a"), &std::ffi::OsStr::new("a"));
    same(&Box::new(std::sync::Arc::new(7)), &&7);
}

#[test]
fn an_ignored_argument_makes_no_difference() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    /// Cannot be part of a key.
    struct Progress;

    #[cached_result_sync(ignore(progress, verbose))]
    fn paint(seed: u64, progress: &Progress, mut verbose: bool) -> u64 {
        let _ = progress;
        verbose = !verbose;
        RUNS.fetch_add(u32::from(verbose) + 1, Ordering::Relaxed);
        seed
    }

    assert_eq!(
        (paint(1, &Progress, true), paint(1, &Progress, false)),
        (1, 1)
    );
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn another_version_is_another_key() {
    mod one {
        #[refrain::cached_result_sync(name = "keys::model")]
        pub(super) fn model() -> u32 {
            1
        }
    }
    mod two {
        #[refrain::cached_result_sync(name = "keys::model", version = 2)]
        pub(super) fn model() -> u32 {
            2
        }
    }
    mod weights {
        pub(super) fn digest() -> String {
            "2".to_owned()
        }
        #[refrain::cached_result_sync(name = "keys::model", version = digest())]
        pub(super) fn model() -> u32 {
            3
        }
    }

    assert_eq!((one::model(), two::model()), (1, 2));
    assert_eq!(
        weights::model(),
        2,
        "the name and version are those of `two`"
    );
}

#[test]
fn a_name_keeps_instances_apart() {
    #[cached_result_sync(name = "keys::type_of")]
    fn type_of<T>() -> &'static str {
        std::any::type_name::<T>()
    }

    assert_eq!((type_of::<u8>(), type_of::<u16>()), ("u8", "u16"));
}

#[test]
fn two_functions_of_one_path_do_not_share_results() {
    let one = {
        #[cached_result_sync]
        fn same() -> u32 {
            1
        }
        same()
    };
    let two = {
        #[cached_result_sync]
        fn same() -> u32 {
            2
        }
        assert_eq!(
            same(),
            2,
            "called without the cache, and said so on standard error"
        );
        same()
    };
    assert_eq!((one, two), (1, 2));
}

#[test]
fn functions_from_a_macro_do_not_share_results() {
    macro_rules! constants {
        ($($name:ident = $value:expr),*) => {$(
            #[cached_result_sync]
            fn $name() -> u32 {
                $value
            }
        )*};
    }
    constants!(one = 1, two = 2);

    assert_eq!((one(), two(), one(), two()), (1, 2, 1, 2));
}

#[test]
fn a_value_of_another_type_under_the_same_key_is_a_miss() {
    let key = Key::from_bytes([7; 32]);
    let (cache, _) = crate::any_cache();

    #[cached_result_sync(cache = cache, key = |key| *key)]
    fn number(cache: &Cache<Key, refrain::AnyValue>, key: Key) -> u64 {
        7
    }

    #[cached_result_sync(cache = cache, key = |key| *key)]
    fn text(cache: &Cache<Key, refrain::AnyValue>, key: Key) -> String {
        "seven".to_owned()
    }

    assert_eq!(number(&cache, key), 7);
    assert_eq!(text(&cache, key), "seven");
    assert_eq!(text(&cache, key), "seven");
    assert_eq!(number(&cache, key), 7);
    assert_eq!(cache.len(), 1);
}
