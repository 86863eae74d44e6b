use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use refrain::{Keyable, Weigh, cached_result, cached_result_sync};

#[cached_result_sync]
fn first<'a, K, V, const N: usize>(map: &'a HashMap<K, V>, keys: [K; N]) -> Option<V>
where
    K: Keyable + Eq + Hash,
    V: Keyable + Clone + Send + Sync + Weigh + 'static,
{
    keys.iter().find_map(|key| map.get(key).cloned())
}

#[cached_result_sync(ignore(show))]
fn shown<T: Keyable>(value: T, show: impl Fn(&T) -> String) -> String {
    show(&value)
}

#[cached_result]
async fn debug<T: Keyable + Debug + Send + 'static>(value: T) -> String {
    format!("{value:?}")
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let map = HashMap::from([("a".to_owned(), 1_u8)]);
    assert_eq!(first(&map, ["b".to_owned(), "a".to_owned()]), Some(1));
    assert_eq!(shown(7, |number| number.to_string()), "7");
    assert_eq!(debug(Some(1)).await, "Some(1)");
    assert_eq!(debug("a").await, "\"a\"");
}
