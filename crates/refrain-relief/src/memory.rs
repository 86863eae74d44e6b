//! Memory whose size is known before it is taken: where there is none, that is an error of the request and not the end of the process.

use crate::error::ReliefError;

/// An empty vector with room for `count` values.
pub(super) fn room_for<T>(count: usize) -> Result<Vec<T>, ReliefError> {
    let mut room = Vec::new();
    room.try_reserve_exact(count)
        .map_err(|_| ReliefError::OutOfMemory {
            bytes: count.saturating_mul(size_of::<T>()),
        })?;
    Ok(room)
}

/// Fails where `bytes` are not to be had now, for code of others that takes them without asking.
pub(super) fn ask_for(bytes: u64) -> Result<(), ReliefError> {
    room_for::<u8>(usize::try_from(bytes).unwrap_or(usize::MAX)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_to_be_had_is_an_error() {
        // More than a vector may hold, so that no allocator is asked.
        let error = room_for::<f64>(usize::MAX / 8).unwrap_err();
        assert_eq!(error.field(), None);
        assert!(error.to_string().contains("of memory"), "{error}");
        assert!(ask_for(u64::MAX).is_err());
        assert!(room_for::<f64>(10).unwrap().capacity() >= 10);
    }
}
