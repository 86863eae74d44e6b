//! What the channel of opacity says about the colors beside it.

/// How colors are stored beside an opacity *a*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opacity {
    /// As they are; on white they become *a c* + 1 - *a*.
    Separate,
    /// Multiplied by *a* already ("premultiplied"); on white they become *c* + 1 - *a*.
    Associated,
}
