//! Rust values as parts of a key.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::num::NonZero;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use refrain::key::{Document, Keyable, canonical_form};

fn form<T: Keyable + ?Sized>(value: &T) -> Vec<u8> {
    canonical_form(value).unwrap()
}

fn json(json: &str) -> Vec<u8> {
    form(&Document::from_json(json.as_bytes()).unwrap())
}

#[test]
fn integers_count_by_value_and_not_by_width() {
    let seven = json("7");
    assert_eq!(form(&7_u8), seven);
    assert_eq!(form(&7_i16), seven);
    assert_eq!(form(&7_u32), seven);
    assert_eq!(form(&7_u64), seven);
    assert_eq!(form(&7_i128), seven);
    assert_eq!(form(&7_usize), seven);
    assert_eq!(form(&NonZero::new(7_u8).unwrap()), seven);
    assert_eq!(form(&NonZero::new(7_i64).unwrap()), seven);
    assert_eq!(form(&u128::MAX), json(&u128::MAX.to_string()));
    assert_eq!(form(&i128::MIN), json(&i128::MIN.to_string()));
}

#[test]
fn floats_count_by_bits() {
    assert_eq!(form(&0.5_f32), form(&0.5_f64));
    assert_ne!(form(&0.1_f32), form(&0.1_f64));
    assert_ne!(form(&0.0_f64), form(&-0.0_f64));
    assert_ne!(form(&7.0_f64), form(&7));
    assert_eq!(form(&f64::NAN), form(&f64::NAN));
    assert_ne!(form(&f64::NAN), form(&-f64::NAN));
    assert_eq!(form(&f64::NAN)[1..], f64::NAN.to_bits().to_be_bytes());
}

#[test]
fn text_is_text_in_every_type() {
    let text = json("\"a/ü\"");
    assert_eq!(form("a/ü"), text);
    assert_eq!(form(&String::from("a/ü")), text);
    assert_eq!(form(&Cow::Borrowed("a/ü")), text);
    assert_eq!(form(Path::new("a/ü")), text);
    assert_eq!(form(&PathBuf::from("a/ü")), text);
    assert_eq!(form(OsStr::new("a/ü")), text);
    assert_eq!(form(&'ü'), json("\"ü\""));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_text_is_keyed_by_its_bytes() {
    use std::os::unix::ffi::OsStrExt as _;

    let left = Path::new(OsStr::from_bytes(b"a\xff"));
    let right = Path::new(OsStr::from_bytes(b"a\xfe"));
    assert_ne!(form(left), form(right));
    assert_ne!(form(left), form("a\u{fffd}"));
}

#[test]
fn bytes_are_bytes_and_other_slices_are_lists() {
    let bytes = form(&Document::Bytes("ab".into()));
    assert_eq!(form(b"ab"), bytes);
    assert_eq!(form(&b"ab"[..]), bytes);
    assert_eq!(form(&vec![b'a', b'b']), bytes);
    assert_eq!(form(&bytes::Bytes::from("ab")), bytes);
    assert_eq!(form(&Box::<[u8]>::from(*b"ab")), bytes);
    assert_eq!(form(&[97_i32, 98]), json("[97, 98]"));
    assert_eq!(form(&VecDeque::from([97_u8, 98])), json("[97, 98]"));
    assert_ne!(form(&[1_u8; 0]), form(&[1_u16; 0]));
}

#[test]
fn pointers_are_what_they_point_to() {
    let list = json("[1, 2]");
    let value = vec![1, 2];
    assert_eq!(form(&&value), list);
    assert_eq!(form(&Box::new(value.clone())), list);
    assert_eq!(form(&Rc::new(value.clone())), list);
    assert_eq!(form(&Arc::<[i32]>::from(value.clone())), list);
    assert_eq!(form(&(Box::new(value) as Box<dyn Keyable>)), list);
    assert_eq!(form(&Cow::<[i32]>::Owned(vec![1, 2])), list);
}

#[test]
fn mappings_and_sets_forget_their_order_and_their_hasher() {
    let hashed: HashMap<_, _> = (0..100).map(|n| (n.to_string(), n)).collect();
    let sorted: BTreeMap<_, _> = hashed
        .iter()
        .map(|(key, value)| (key.as_str(), *value))
        .collect();
    assert_eq!(form(&hashed), form(&sorted));
    let object = serde_json::to_string(&sorted).unwrap();
    assert_eq!(form(&hashed), json(&object));

    let hashed: HashSet<_> = (0..100).collect();
    let sorted: BTreeSet<_> = (0..100).rev().collect();
    assert_eq!(form(&hashed), form(&sorted));
    assert_ne!(form(&sorted), form(&(0..100).collect::<Vec<_>>()));

    let numbered: HashMap<_, _> = (0..100).map(|n| (n, n)).collect();
    let document = (0..100).map(|n| (n.into(), n.into()));
    assert_eq!(form(&numbered), form(&Document::mapping(document).unwrap()));
    assert_eq!(form(&HashMap::<u8, u8>::new()), json("{}"));
}

#[test]
fn names_sort_by_bytes_and_not_by_length() {
    let map = HashMap::from([("b", 1), ("aa", 2), ("", 3), ("\u{ffee}", 4), ("🐈", 5)]);
    assert_eq!(
        form(&map),
        json(r#"{"": 3, "aa": 2, "b": 1, "🐈": 5, "￮": 4}"#)
    );
    let mut expected = [&[0x0d], &5_u64.to_be_bytes()[..]].concat();
    for (name, value) in [("", 3), ("aa", 2), ("b", 1), ("\u{ffee}", 4), ("🐈", 5)] {
        expected.extend((name.len() as u64).to_be_bytes());
        expected.extend(name.as_bytes());
        expected.extend(form(&value));
    }
    assert_eq!(form(&map), expected);
}

#[test]
fn an_option_is_told_from_what_it_holds() {
    let forms = [
        form(&None::<Option<()>>),
        form(&Some(None::<()>)),
        form(&Some(Some(()))),
        form(&()),
        form(&Some(1)),
        form(&1),
        form(&Ok::<_, ()>(1)),
        form(&Err::<(), _>(1)),
    ];
    let distinct: HashSet<_> = forms.iter().collect();
    assert_eq!(distinct.len(), forms.len());
    assert_eq!(form(&None::<u8>), json("null"));
}

#[test]
fn tuples_up_to_twelve_are_framed() {
    assert_ne!(form(&("ab", "c")), form(&("a", "bc")));
    assert_ne!(form(&((1, 2), 3)), form(&(1, (2, 3))));
    assert_ne!(form(&(1, 2)), form(&[1, 2]));
    assert_ne!(form(&(1,)), form(&1));
    let twelve = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    let items = (1..=12).map(Document::from).collect();
    assert_eq!(form(&twelve), form(&Document::Tuple(items)));
}

#[test]
fn ranges_count_by_their_bounds() {
    let mut spent = 1..=1;
    let fresh = spent.clone();
    assert_eq!(form(&spent), form(&fresh));
    spent.next();
    assert_eq!((spent.start(), spent.end()), (fresh.start(), fresh.end()));
    assert_ne!(form(&spent), form(&fresh));

    let forms = [
        form(&(0..10)),
        form(&(0..=10)),
        form(&(0..)),
        form(&(..10)),
        form(&(..=10)),
        form(&(..)),
        form(&(0, 10)),
        form(&(Bound::Included(0), Bound::Excluded(10))),
    ];
    let distinct: HashSet<_> = forms.iter().collect();
    assert_eq!(distinct.len(), forms.len());
}

#[test]
fn a_duration_is_not_a_number() {
    let second = form(&Duration::from_secs(1));
    assert_ne!(second, form(&1_000_000_000));
    assert_eq!(second, form(&Duration::new(1, 0)));
    assert_ne!(
        form(&Duration::MAX),
        form(&Duration::new(u64::MAX, 999_999_998))
    );
}

proptest! {
    #[test]
    fn a_slice_of_bytes_counts_by_its_bytes(left: Vec<u8>, right: Vec<u8>) {
        prop_assert_eq!(form(&left) == form(&right), left == right);
    }

    #[test]
    fn nested_collections_are_equal_only_if_they_are(
        left in prop::collection::vec(prop::collection::vec(0_u16..3, 0..3), 0..3),
        right in prop::collection::vec(prop::collection::vec(0_u16..3, 0..3), 0..3),
    ) {
        prop_assert_eq!(form(&left) == form(&right), left == right);
    }

    #[test]
    fn a_mapping_is_equal_only_to_itself(
        left in prop::collection::hash_map("[ab]{0,2}", 0..3, 0..4),
        right in prop::collection::hash_map("[ab]{0,2}", 0..3, 0..4),
    ) {
        prop_assert_eq!(form(&left) == form(&right), left == right);
    }
}
