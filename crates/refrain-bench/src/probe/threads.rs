//! Questions for threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

use super::{Finding, Shared};

pub(super) fn collapse(cache: &Shared) -> Finding {
    const THREADS: usize = 16;
    let start = Barrier::new(THREADS);
    let arrived = Arc::new(AtomicU64::new(0));
    let computed = Arc::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                arrived.fetch_add(1, Ordering::SeqCst);
                let (arrived, computed) = (Arc::clone(&arrived), Arc::clone(&computed));
                let work = move || {
                    // Takes until all threads have asked, or are about to.
                    while arrived.load(Ordering::SeqCst) < THREADS as u64 {
                        std::thread::yield_now();
                    }
                    computed.fetch_add(1, Ordering::SeqCst)
                };
                cache.compute(1, Box::new(work))
            });
        }
    });
    let computed = computed.load(Ordering::SeqCst);
    Finding::new(computed == 1, format!("{computed} computed"))
}

pub(super) fn invalidate_during_load(cache: &Shared) -> Finding {
    let (begun, has_begun) = channel();
    let (go_on, may_go_on) = channel::<()>();
    std::thread::scope(|scope| {
        let load = scope.spawn(move || {
            let work = move || {
                begun.send(()).expect("the other thread waits");
                may_go_on.recv().expect("the other thread goes on");
                1
            };
            cache.compute(1, Box::new(work))
        });
        has_begun.recv().expect("the load begins");
        cache.invalidate(1);
        go_on.send(()).expect("the load waits");
        load.join().expect("the load does not panic").ok();
    });
    match cache.get(1) {
        Some(_) => Finding::new(false, "the old value"),
        None => Finding::new(true, "a miss"),
    }
}

pub(super) fn reenter(cache: &Shared) -> Finding {
    let (inner, answer) = channel();
    let again = Arc::clone(cache);
    let work = move || {
        let nested = again.compute(1, Box::new(|| 2));
        inner.send(nested).expect("the answer is waited for");
        3
    };
    let outer = catch_unwind(AssertUnwindSafe(|| cache.compute(1, Box::new(work))));
    match answer.recv() {
        Ok(Err(_)) => Finding::new(true, "an error"),
        Ok(Ok(_)) => Finding::new(false, "computes twice"),
        Err(_) if outer.is_err() => Finding::new(false, "panics"),
        Err(_) => Finding::new(false, "no answer"),
    }
}

pub(super) fn cycle(cache: &Shared) -> Finding {
    let both_have_begun = Arc::new(Barrier::new(2));
    let (answers, received) = channel();
    std::thread::scope(|scope| {
        for (mine, theirs) in [(1, 2), (2, 1)] {
            let both_have_begun = Arc::clone(&both_have_begun);
            let answers = answers.clone();
            let nested = Arc::clone(cache);
            let work = move || {
                both_have_begun.wait();
                let answer = nested.compute(theirs, Box::new(|| 0));
                answers.send(answer).expect("the answers are waited for");
                mine
            };
            scope.spawn(move || cache.compute(mine, Box::new(work)));
        }
    });
    drop(answers);
    let errors = received.iter().filter(Result::is_err).count();
    Finding::new(errors > 0, format!("an error for {errors} of the two"))
}

pub(super) fn panic(cache: &Shared) -> Finding {
    let work = || panic!("on purpose");
    // It may pass on the panic or make an error of it.
    let _ = catch_unwind(AssertUnwindSafe(|| cache.compute(1, Box::new(work))));
    match cache.compute(1, Box::new(|| 5)) {
        Ok(5) => Finding::new(true, "computes anew"),
        other => Finding::new(false, format!("{other:?}")),
    }
}
