//! The estimated weight of a value of any type, in bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::marker::PhantomData;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

/// A value that can say how many bytes it occupies in memory.
///
/// Asked for each result that a cached function puts into the [global cache](crate::global()), whose capacity is in
/// bytes. It is an estimate: what allocators add is not counted, and bytes that several values share are counted for
/// each of them.
///
/// Implemented for numbers, text, bytes, paths, collections, tuples up to eight, `Option`, `Result` and pointers.
/// For a type of your own, write `#[derive(Weigh)]`, which adds up what its fields own, or say it yourself; for one that is not yours, give the weight where it is needed
/// with `weight = |value| …`.
///
/// ```
/// use refrain::Weigh;
///
/// struct Mesh { vertices: Vec<[f32; 3]>, name: String }
///
/// impl Weigh for Mesh {
///     fn heap_bytes(&self) -> u64 {
///         self.vertices.heap_bytes() + self.name.heap_bytes()
///     }
/// }
///
/// let mesh = Mesh { vertices: vec![[0.0; 3]; 1000], name: String::new() };
/// assert_eq!(mesh.heap_bytes(), 12_000);
/// assert_eq!(mesh.weight_bytes(), 12_000 + size_of::<Mesh>() as u64);
/// ```
#[diagnostic::on_unimplemented(
    message = "it is not known how many bytes of memory a `{Self}` occupies",
    label = "results of this type need a weight",
    note = "give it to the function: `weight = |result| …`, in bytes",
    note = "or, if the type is yours, write `#[derive(refrain::Weigh)]` above it, or implement `refrain::Weigh`"
)]
pub trait Weigh {
    /// Whether a value of this type never owns anything outside of itself, so that a million of them need not be asked
    /// one by one.
    #[doc(hidden)]
    const IS_FLAT: bool = false;

    /// Bytes that the value owns outside of itself.
    ///
    /// ```
    /// use refrain::Weigh;
    ///
    /// assert_eq!(7_u64.heap_bytes(), 0);
    /// assert_eq!(vec![7_u64; 100].heap_bytes(), 800);
    /// assert_eq!(vec!["ab".to_owned()].heap_bytes(), 2 + size_of::<String>() as u64);
    /// ```
    fn heap_bytes(&self) -> u64;

    /// Bytes of the value with what it owns.
    ///
    /// ```
    /// use refrain::Weigh;
    ///
    /// assert_eq!(7_u64.weight_bytes(), 8);
    /// assert_eq!("seven".weight_bytes(), 5);
    /// ```
    fn weight_bytes(&self) -> u64 {
        (size_of_val(self) as u64).saturating_add(self.heap_bytes())
    }
}

macro_rules! flat {
    ($($type:ty),*) => {$(
        impl Weigh for $type {
            const IS_FLAT: bool = true;

            fn heap_bytes(&self) -> u64 {
                0
            }
        }
    )*};
}

flat!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    str,
    Duration,
    SystemTime,
    crate::Key,
    NonZero<u8>,
    NonZero<u16>,
    NonZero<u32>,
    NonZero<u64>,
    NonZero<u128>,
    NonZero<usize>,
    NonZero<i8>,
    NonZero<i16>,
    NonZero<i32>,
    NonZero<i64>,
    NonZero<i128>,
    NonZero<isize>
);

impl<T> Weigh for PhantomData<T> {
    const IS_FLAT: bool = true;

    fn heap_bytes(&self) -> u64 {
        0
    }
}

/// The target of a reference in a stored value is part of the program.
impl<T: ?Sized> Weigh for &'static T {
    const IS_FLAT: bool = true;

    fn heap_bytes(&self) -> u64 {
        0
    }
}

/// The room for `capacity` elements, and what the elements own.
fn elements<'a, T: Weigh + 'a>(capacity: usize, elements: impl Iterator<Item = &'a T>) -> u64 {
    let room = (capacity as u64).saturating_mul(size_of::<T>() as u64);
    room.saturating_add(owned_by_all(elements))
}

fn owned_by_all<'a, T: Weigh + 'a>(elements: impl Iterator<Item = &'a T>) -> u64 {
    if T::IS_FLAT {
        return 0;
    }
    elements.fold(0, |sum, element| sum.saturating_add(element.heap_bytes()))
}

impl<T: Weigh> Weigh for [T] {
    fn heap_bytes(&self) -> u64 {
        owned_by_all(self.iter())
    }
}

impl<T: Weigh, const N: usize> Weigh for [T; N] {
    const IS_FLAT: bool = T::IS_FLAT;

    fn heap_bytes(&self) -> u64 {
        owned_by_all(self.iter())
    }
}

impl<T: Weigh> Weigh for Vec<T> {
    fn heap_bytes(&self) -> u64 {
        elements(self.capacity(), self.iter())
    }
}

impl<T: Weigh> Weigh for VecDeque<T> {
    fn heap_bytes(&self) -> u64 {
        elements(self.capacity(), self.iter())
    }
}

impl<T: Weigh, S> Weigh for HashSet<T, S> {
    fn heap_bytes(&self) -> u64 {
        elements(self.capacity(), self.iter())
    }
}

impl<T: Weigh> Weigh for BTreeSet<T> {
    fn heap_bytes(&self) -> u64 {
        elements(self.len(), self.iter())
    }
}

impl<K: Weigh, V: Weigh, S> Weigh for HashMap<K, V, S> {
    fn heap_bytes(&self) -> u64 {
        elements(self.capacity(), self.keys())
            .saturating_add(elements(self.capacity(), self.values()))
    }
}

impl<K: Weigh, V: Weigh> Weigh for BTreeMap<K, V> {
    fn heap_bytes(&self) -> u64 {
        elements(self.len(), self.keys()).saturating_add(elements(self.len(), self.values()))
    }
}

impl Weigh for String {
    fn heap_bytes(&self) -> u64 {
        self.capacity() as u64
    }
}

impl Weigh for OsString {
    fn heap_bytes(&self) -> u64 {
        self.capacity() as u64
    }
}

impl Weigh for PathBuf {
    fn heap_bytes(&self) -> u64 {
        self.capacity() as u64
    }
}

impl Weigh for Bytes {
    fn heap_bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl<T: Weigh + ?Sized> Weigh for Box<T> {
    fn heap_bytes(&self) -> u64 {
        (**self).weight_bytes()
    }
}

/// As if this pointer were the only one.
impl<T: Weigh + ?Sized> Weigh for Arc<T> {
    fn heap_bytes(&self) -> u64 {
        // The two counters lie before the value.
        (**self).weight_bytes().saturating_add(16)
    }
}

impl<T: ToOwned<Owned: Weigh> + ?Sized> Weigh for Cow<'static, T> {
    fn heap_bytes(&self) -> u64 {
        match self {
            Cow::Borrowed(_) => 0,
            Cow::Owned(owned) => owned.heap_bytes(),
        }
    }
}

impl<T: Weigh> Weigh for Option<T> {
    const IS_FLAT: bool = T::IS_FLAT;

    fn heap_bytes(&self) -> u64 {
        self.as_ref().map_or(0, Weigh::heap_bytes)
    }
}

impl<T: Weigh, E: Weigh> Weigh for Result<T, E> {
    const IS_FLAT: bool = T::IS_FLAT && E::IS_FLAT;

    fn heap_bytes(&self) -> u64 {
        match self {
            Ok(value) => value.heap_bytes(),
            Err(error) => error.heap_bytes(),
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: Weigh),+> Weigh for ($($name,)+) {
            const IS_FLAT: bool = $($name::IS_FLAT)&&+;

            #[expect(non_snake_case, reason = "each element is bound under the name of its type")]
            fn heap_bytes(&self) -> u64 {
                let ($($name,)+) = self;
                0_u64$(.saturating_add($name.heap_bytes()))+
            }
        }
    )*};
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_weighs_its_capacity() {
        let mut bytes = Vec::<u8>::with_capacity(1000);
        bytes.push(1);
        assert_eq!(bytes.heap_bytes(), 1000);
    }

    #[test]
    fn what_is_nested_is_counted() {
        let word = String::from("eight by");
        let words = vec![Some(word.clone()), None, Some(word)];
        let slots = 3 * size_of::<Option<String>>() as u64;
        assert_eq!(words.heap_bytes(), slots + 16);
        let shared: Arc<[u8]> = Arc::from(vec![0; 100]);
        assert_eq!(shared.heap_bytes(), 116);
        let map = BTreeMap::from([(1_u64, vec![0_u8; 10])]);
        assert_eq!(map.heap_bytes(), 8 + 24 + 10);
    }

    #[test]
    fn flat_elements_are_not_asked_one_by_one() {
        const { assert!(<[Option<(u8, [f64; 4])>; 3]>::IS_FLAT) };
        const { assert!(!<(u8, String)>::IS_FLAT) };
    }
}
