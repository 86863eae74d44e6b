//! Tuples, options, results, ranges.

use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};

use crate::key::{Encoded, KeyEncoder, Keyable, Unkeyable};

/// The empty tuple, which is not null.
impl Keyable for () {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.tuple(&[])
    }
}

macro_rules! keyable_tuples {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: Keyable),+> Keyable for ($($name,)+) {
            #[expect(non_snake_case, reason = "each element is bound under the name of its type")]
            fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
                let ($($name,)+) = self;
                encoder.tuple(&[$($name),+])
            }
        }
    )*};
}

keyable_tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}

/// `None` is null. `Some` is marked as such, so that `Some(None)` differs from `None`, and `Some(1)` from `1`.
impl<T: Keyable> Keyable for Option<T> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        match self {
            None => encoder.null(),
            Some(value) => encoder.variant("Option", "Some", value),
        }
    }
}

impl<T: Keyable, E: Keyable> Keyable for Result<T, E> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        match self {
            Ok(value) => encoder.variant("Result", "Ok", value),
            Err(error) => encoder.variant("Result", "Err", error),
        }
    }
}

impl<T: Keyable> Keyable for Bound<T> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        match self {
            Self::Included(value) => encoder.variant("Bound", "Included", value),
            Self::Excluded(value) => encoder.variant("Bound", "Excluded", value),
            Self::Unbounded => encoder.variant("Bound", "Unbounded", &()),
        }
    }
}

// By their bounds and not by their fields: an inclusive range that was iterated to its end has the fields of one
// that was not.
macro_rules! keyable_ranges {
    ($($type:ty),*) => {$(
        impl<T: Keyable> Keyable for $type {
            fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
                encoder.tagged("Range", &(self.start_bound(), self.end_bound()))
            }
        }
    )*};
}

keyable_ranges!(
    Range<T>,
    RangeInclusive<T>,
    RangeFrom<T>,
    RangeTo<T>,
    RangeToInclusive<T>
);

impl Keyable for RangeFull {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        let open = Bound::<()>::Unbounded;
        encoder.tagged("Range", &(&open, &open))
    }
}
