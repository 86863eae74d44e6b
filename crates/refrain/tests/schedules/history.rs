//! What happened to one key, and whether that is allowed.
//!
//! The search for an order is Wing and Gong's ("Testing and Verifying Concurrent Objects", JPDC 1993), with the states
//! that led nowhere remembered, as Lowe proposed ("Testing for Linearizability", 2017).

use std::collections::HashSet;

/// Names one write: no two share it.
pub(crate) type Version = u64;

/// What one call, or one step of it, did to its key or saw of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Deed {
    /// Found this, or nothing.
    Saw(Option<Version>),
    /// Stored this. A stored result of a computation is a write too.
    Wrote(Version),
    /// Took out what was there, and told whether that was something fresh.
    TookOut { was_there: bool },
    /// Took out this, or nothing.
    Removed(Option<Version>),
    /// Took out what was there, if it was there.
    Cleared,
    /// Was given this by a computation, stored or not: says nothing of the state.
    Given(Version),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) deed: Deed,
}

/// When a value began to be computed; a value that was simply written began when it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) version: Version,
    pub(crate) at: u64,
}

/// What the cache may do unasked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Room {
    /// Everything fits.
    Ample,
    /// An entry may be evicted at any moment.
    Scarce,
}

/// Fails unless one order of `steps`, each within its time, explains what each of them saw.
pub(crate) fn assert_explained(steps: &[Step], room: Room) {
    assert!(steps.len() <= 64, "one bit for each step");
    let mut dead_ends = HashSet::new();
    assert!(
        explain(steps, 0, None, room, &mut dead_ends),
        "no order explains this history: {steps:#?}"
    );
}

fn explain(
    steps: &[Step],
    done: u64,
    state: Option<Version>,
    room: Room,
    dead_ends: &mut HashSet<(u64, Option<Version>)>,
) -> bool {
    if done.count_ones() as usize == steps.len() {
        return true;
    }
    if !dead_ends.insert((done, state)) {
        return false;
    }
    let open = |at: usize| done & (1 << at) == 0;
    let first_end = (0..steps.len())
        .filter(|at| open(*at))
        .map(|at| steps[at].ended)
        .min();
    for at in (0..steps.len()).filter(|at| open(*at)) {
        // What began after another ended cannot come before it.
        if Some(steps[at].began) > first_end {
            continue;
        }
        if let Ok(next) = after(steps[at].deed, state)
            && explain(steps, done | 1 << at, next, room, dead_ends)
        {
            return true;
        }
    }
    room == Room::Scarce && state.is_some() && explain(steps, done, None, room, dead_ends)
}

struct Impossible;

/// The state after `deed`, if it can have happened in `state`.
fn after(deed: Deed, state: Option<Version>) -> Result<Option<Version>, Impossible> {
    let (possible, next) = match deed {
        Deed::Saw(seen) => (seen == state, state),
        Deed::Wrote(version) => (true, Some(version)),
        Deed::TookOut { was_there } => (was_there == state.is_some(), None),
        Deed::Removed(seen) => (seen == state, None),
        Deed::Cleared => (true, None),
        Deed::Given(_) => (true, state),
    };
    if possible { Ok(next) } else { Err(Impossible) }
}

/// Fails if a call that came after an invalidation or a write got a value whose computation began before it.
pub(crate) fn assert_nobody_got_what_was_over(steps: &[Step], births: &[Birth]) {
    for given in steps {
        let (Deed::Saw(Some(version)) | Deed::Removed(Some(version)) | Deed::Given(version)) =
            given.deed
        else {
            continue;
        };
        let birth = births
            .iter()
            .find(|birth| birth.version == version)
            .unwrap_or_else(|| panic!("version {version} was given and never made: {steps:#?}"));
        for over in steps {
            let ends_values = match over.deed {
                Deed::TookOut { .. } | Deed::Removed(_) | Deed::Cleared => true,
                Deed::Wrote(other) => other != version,
                Deed::Saw(_) | Deed::Given(_) => false,
            };
            assert!(
                !(ends_values && birth.at < over.began && over.ended < given.began),
                "{given:?} got what was over since {over:?}; it began at {}: {steps:#?}",
                birth.at
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(began: u64, ended: u64, deed: Deed) -> Step {
        Step { began, ended, deed }
    }

    fn is_explained(steps: &[Step], room: Room) -> bool {
        explain(steps, 0, None, room, &mut HashSet::new())
    }

    #[test]
    fn calls_at_one_time_may_have_come_in_either_order() {
        let written = step(0, 5, Deed::Wrote(1));
        for seen in [None, Some(1)] {
            assert!(is_explained(
                &[written, step(1, 4, Deed::Saw(seen))],
                Room::Ample
            ));
        }
    }

    #[test]
    fn a_write_that_has_ended_is_seen() {
        let history = [step(0, 1, Deed::Wrote(1)), step(2, 3, Deed::Saw(None))];
        assert!(!is_explained(&history, Room::Ample));
        assert!(
            is_explained(&history, Room::Scarce),
            "it may have been evicted"
        );
    }

    #[test]
    fn what_was_seen_does_not_go_back() {
        let history = [
            step(0, 9, Deed::Wrote(1)),
            step(0, 9, Deed::Wrote(2)),
            step(1, 2, Deed::Saw(Some(1))),
            step(3, 4, Deed::Saw(Some(2))),
            step(5, 6, Deed::Saw(Some(1))),
        ];
        assert!(!is_explained(&history, Room::Scarce));
    }

    #[test]
    fn an_entry_is_taken_out_once() {
        let once = Deed::TookOut { was_there: true };
        let history = [
            step(0, 1, Deed::Wrote(1)),
            step(2, 5, once),
            step(3, 4, once),
        ];
        assert!(!is_explained(&history, Room::Ample));
    }

    #[test]
    #[should_panic(expected = "got what was over")]
    fn a_value_that_began_before_an_invalidation_is_not_given_after_it() {
        let history = [step(2, 3, Deed::Cleared), step(4, 5, Deed::Given(1))];
        assert_nobody_got_what_was_over(&history, &[Birth { version: 1, at: 1 }]);
    }

    #[test]
    fn a_value_may_be_given_to_who_came_before_the_invalidation_ended() {
        let history = [step(2, 5, Deed::Cleared), step(4, 9, Deed::Given(1))];
        assert_nobody_got_what_was_over(&history, &[Birth { version: 1, at: 1 }]);
    }
}
