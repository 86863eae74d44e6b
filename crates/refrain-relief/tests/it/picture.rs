//! Pictures to make reliefs of, made on the spot or read from files.

/// `slope` is what the files in `pictures/` show.
pub(crate) use refrain_testkit::pictures::{encode, gray, noise, png, slope};

pub(crate) fn byte(value: u32) -> u8 {
    u8::try_from(value).expect("a value of a byte")
}

/// A file of `pictures/`.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("pictures/", $name)).as_slice()
    };
}
pub(crate) use fixture;
