use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use refrain::cached_result_sync;

type Short<T> = Result<T, Box<dyn std::error::Error>>;

macro_rules! results {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        $(
            #[cached_result_sync]
            fn $name() -> $type {
                $value
            }
        )*

        pub(crate) fn main() {
            $( let _ = ($name(), $name()); )*
        }
    };
}

results! {
    integer: u64 = 1;
    float: f64 = 0.5;
    text: String = String::new();
    fixed: &'static str = "a";
    vector: Vec<Vec<u8>> = vec![vec![1]];
    array: [Option<String>; 2] = [None, None];
    bytes: Bytes = Bytes::new();
    shared: Arc<str> = "a".into();
    boxed: Box<[u64]> = Box::new([1]);
    tuple: (u8, String, bool) = (1, String::new(), true);
    cow: Cow<'static, str> = "a".into();
    path: PathBuf = PathBuf::new();
    map: HashMap<String, BTreeMap<u8, char>> = HashMap::new();
    option: Option<Vec<u8>> = None;
    result: Result<Vec<u8>, String> = Err(String::new());
    nested: Result<Option<Arc<[u8]>>, ()> = Ok(None);
    alias: Short<u8> = Ok(1);
    io: std::io::Result<()> = Ok(());
    unit_error: Result<u8, std::fmt::Error> = Ok(1);
}
