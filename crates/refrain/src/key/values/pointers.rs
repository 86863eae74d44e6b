//! Pointers: keyed as what they point to.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use crate::key::{Encoded, KeyEncoder, Keyable, Unkeyable};

macro_rules! keyable_pointers {
    ($($type:ty),*) => {$(
        impl<T: Keyable + ?Sized> Keyable for $type {
            fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
                (**self).encode_key(encoder)
            }
        }
    )*};
}

keyable_pointers!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

impl<T: Keyable + ToOwned + ?Sized> Keyable for Cow<'_, T> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        (**self).encode_key(encoder)
    }
}
