//! Plain values as documents.

use bytes::Bytes;

use super::{Document, Map, Set, Table, Tagged};
use crate::key::{Decimal, Float, Integer, Media};

macro_rules! document_from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Document {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

document_from! {
    bool => Bool,
    u8 => Integer, u16 => Integer, u32 => Integer, u64 => Integer, u128 => Integer, usize => Integer,
    i8 => Integer, i16 => Integer, i32 => Integer, i64 => Integer, i128 => Integer, isize => Integer,
    Integer => Integer,
    f32 => Float, f64 => Float, Float => Float,
    Decimal => Decimal,
    &str => Text, String => Text,
    Bytes => Bytes,
    Media => Media,
    Vec<Document> => List,
    Set => Set,
    Map => Map,
    Table => Table,
    Tagged => Tagged,
}

/// `None` is null.
impl<T: Into<Document>> From<Option<T>> for Document {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
