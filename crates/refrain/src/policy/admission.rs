//! Whether a candidate is stored, and what leaves for it: the worst entries of all parts of an order.

use smallvec::SmallVec;

use super::hazard::CORRECTIONS_MAX;
use super::{Admission, Candidate, Eviction, Moment, Residents, Space};

/// One part of an order, with what is to be known of its entries.
#[derive(Debug)]
pub struct Contender<'a, R> {
    /// The order.
    pub eviction: &'a mut Eviction,
    /// Its entries.
    pub residents: R,
}

/// An entry that has to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Victim {
    /// Where its part stands among the contenders.
    pub contender: usize,
    /// Its slot there.
    pub slot: u32,
    rank: u64,
}

/// Most candidates displace one entry.
pub type Victims = SmallVec<[Victim; 2]>;

/// Decides whether `candidate`, which belongs to the first part, is stored, and appends what has to leave for it to
/// `victims`. Those are out of the order when this returns. `contenders` are all parts of the order.
pub fn admit_among<R: Residents>(
    contenders: &mut [Contender<'_, R>],
    candidate: &Candidate,
    mut space: Space,
    now: Moment,
    victims: &mut Victims,
) -> Admission {
    let at_home = &mut contenders[0];
    let bid = (at_home.eviction).bid(&at_home.residents, candidate, space, now);
    let already = victims.len();
    let (mut corrections, mut displaced, mut patience) = (0, 0, CORRECTIONS_MAX);
    while !space.is_enough() {
        let (least, limit) = least_score(contenders);
        let Some(at) = least else {
            // Nothing is left that could leave.
            break;
        };
        // Hits that go on meanwhile may raise scores again and again.
        let limit = if patience == 0 { u64::MAX } else { limit };
        patience = patience.saturating_sub(1);
        let contender = &mut contenders[at];
        let Some((slot, rank)) =
            (contender.eviction).take_worst(&contender.residents, now, limit, &mut corrections)
        else {
            continue;
        };
        victims.push(Victim {
            contender: at,
            slot,
            rank,
        });
        if rank > bid.rank {
            for victim in victims.drain(already..).rev() {
                (contenders[victim.contender].eviction).put_back(victim.slot, victim.rank);
            }
            contenders[0].eviction.refuse(candidate, &bid, now);
            return Admission::Decline;
        }
        displaced = rank;
        space = space.without(contender.residents.weight_bytes(slot));
    }
    for victim in &victims[already..] {
        let contender = &mut contenders[victim.contender];
        (contender.eviction).give_up(&contender.residents, victim.slot, now);
    }
    (contenders[0].eviction).accept(candidate, &bid, displaced, now);
    Admission::Admit { word: bid.word }
}

/// What is decided where one entry at most leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverOne {
    /// Store it in a slot with this word, after the entry in `slot`, of the part beside home if `beside`, has left.
    Admit {
        /// As in [`Admission::Admit`].
        word: u64,
        /// Whether the victim belongs to the other part.
        beside: bool,
        /// The victim.
        slot: u32,
    },
    /// As [`Admission::Decline`].
    Decline,
}

/// [`admit_among`] for what most candidates come to: the worst entry, of `home` or of the part `beside` it, leaves, and that
/// is enough. No entry elsewhere may score below `outside`. `None` when it takes more to decide; then nothing has changed.
pub fn admit_over_one<'a, R: Residents>(
    home: &mut Contender<'a, R>,
    mut beside: Option<&mut Contender<'a, R>>,
    outside: u64,
    candidate: &Candidate,
    space: Space,
    now: Moment,
) -> Option<OverOne> {
    let bid = (home.eviction).bid(&home.residents, candidate, space, now);
    let tolerance = home.eviction.policy().tolerance();
    let mut corrections = 0;
    for _ in 0..CORRECTIONS_MAX {
        let own = home.eviction.score();
        let other = (beside.as_ref()).map_or(u64::MAX, |beside| beside.eviction.score());
        let at_home = own < u64::MAX && own <= other.saturating_add(tolerance);
        let (least, next) = if at_home { (own, other) } else { (other, own) };
        if least == u64::MAX || least > outside.saturating_add(tolerance) {
            return None;
        }
        let from = match &mut beside {
            Some(beside) if !at_home => &mut **beside,
            _ => &mut *home,
        };
        let limit = next.min(outside);
        let Some((slot, rank)) =
            (from.eviction).take_worst(&from.residents, now, limit, &mut corrections)
        else {
            continue;
        };
        let declined = rank > bid.rank;
        if declined || !(space.without(from.residents.weight_bytes(slot))).is_enough() {
            from.eviction.put_back(slot, rank);
            if declined {
                home.eviction.refuse(candidate, &bid, now);
                return Some(OverOne::Decline);
            }
            return None;
        }
        (from.eviction).give_up(&from.residents, slot, now);
        home.eviction.accept(candidate, &bid, rank, now);
        return Some(OverOne::Admit {
            word: bid.word,
            beside: !at_home,
            slot,
        });
    }
    None
}

/// The contender with the lowest score, if there is any entry, and the lowest score of all others. The first goes before its
/// equals.
fn least_score<R: Residents>(contenders: &[Contender<'_, R>]) -> (Option<usize>, u64) {
    let tolerance = contenders[0].eviction.policy().tolerance();
    let scores = contenders
        .iter()
        .map(|contender| contender.eviction.score());
    let own = contenders[0].eviction.score();
    let others = Lowest::of(scores.enumerate().skip(1));
    if own < u64::MAX && own <= others.least.saturating_add(tolerance) {
        return (Some(0), others.least);
    }
    (others.at, others.next.min(own))
}

/// Which of some scores is lowest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lowest {
    /// The first that has it; `None` if nothing scores.
    pub(crate) at: Option<usize>,
    pub(crate) least: u64,
    /// The lowest of the others.
    pub(crate) next: u64,
}

impl Lowest {
    #[inline]
    pub(crate) fn of(scores: impl Iterator<Item = (usize, u64)>) -> Self {
        let (mut at, mut least, mut next) = (None, u64::MAX, u64::MAX);
        for (part, score) in scores {
            if score < least {
                (next, least, at) = (least, score, Some(part));
            } else if score < next {
                next = score;
            }
        }
        Self { at, least, next }
    }
}
