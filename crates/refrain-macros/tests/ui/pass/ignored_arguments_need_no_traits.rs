use std::cell::RefCell;

use refrain::cached_result_sync;

struct Opaque;

#[cached_result_sync(ignore(opaque, log, callback, dynamic))]
fn paint(
    seed: u64,
    opaque: &Opaque,
    log: &RefCell<Vec<u64>>,
    callback: impl Fn(u64),
    dynamic: &mut dyn FnMut(u64),
) -> u64 {
    let Opaque = opaque;
    log.borrow_mut().push(seed);
    callback(seed);
    dynamic(seed);
    seed
}

pub(crate) fn main() {
    let log = RefCell::new(Vec::new());
    let mut sum = 0;
    for _ in 0..3 {
        assert_eq!(paint(7, &Opaque, &log, |_| {}, &mut |seed| sum += seed), 7);
    }
    assert_eq!((log.into_inner(), sum), (vec![7], 7));
}
