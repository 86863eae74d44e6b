//! Questions about settings and sizes at the edge.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use super::{Finding, ProbedName};
use crate::counting_allocator;
use crate::subject::{Limit, Subject, SubjectName, Visitor};

pub(super) fn endless_time_to_live(name: ProbedName) -> Finding {
    let found = match name {
        ProbedName::Refrain => catch_unwind(|| {
            let builder = refrain::Cache::<u64, u64>::builder().time_to_live(Duration::MAX);
            let cache = builder.build().expect("any time to live is allowed");
            cache.insert(1, 1);
            cache.get(&1)
        }),
        ProbedName::Moka => catch_unwind(|| {
            let builder = moka::sync::Cache::<u64, u64>::builder().time_to_live(Duration::MAX);
            let cache = builder.build();
            cache.insert(1, 1);
            cache.get(&1)
        }),
        ProbedName::MiniMoka => catch_unwind(|| {
            let builder = mini_moka::sync::Cache::<u64, u64>::builder();
            let cache = builder.time_to_live(Duration::MAX).build();
            cache.insert(1, 1);
            cache.get(&1)
        }),
        ProbedName::QuickCache | ProbedName::Foyer => {
            return Finding::not_offered("no time to live");
        }
    };
    match found {
        Ok(Some(_)) => Finding::new(true, "never expires"),
        Ok(None) => Finding::new(false, "expires at once"),
        Err(_) => Finding::new(false, "panics while it is built"),
    }
}

pub(super) fn too_large(name: ProbedName) -> Finding {
    let subject = match name {
        ProbedName::Refrain => SubjectName::Refrain,
        ProbedName::Moka => SubjectName::Moka,
        ProbedName::MiniMoka => SubjectName::MiniMoka,
        ProbedName::QuickCache => SubjectName::QuickCache,
        ProbedName::Foyer => SubjectName::FoyerLru,
    };
    counting_allocator::start();
    let limit = Limit::Bytes {
        bytes: 256 << 20,
        entries: 1000,
    };
    subject.build(limit, TooLarge)
}

struct TooLarge;

impl Visitor<u64, Arc<[u8]>> for TooLarge {
    type Output = Finding;

    fn visit<S: Subject<u64, Arc<[u8]>>>(self, subject: S) -> Finding {
        subject.insert(1, std::iter::repeat_n(1, 1 << 30).collect());
        // Gives those that put off work the chance to do it.
        let _ = subject.entries();
        let held = counting_allocator::usage().requested >> 20;
        let accounted = subject.weight() >> 20;
        if subject.get(&1).is_some() {
            Finding::new(
                false,
                format!("served; it accounts for {accounted} MiB, the heap has {held} MiB"),
            )
        } else {
            Finding::new(held < 256, format!("not served; the heap has {held} MiB"))
        }
    }
}
