//! Model checking by `loom`: every schedule, and every value that a weakly ordered processor may read, of small scenes of
//! the store's own protocols: pins, places, the index and stamps. Run by `./test schedules`.
//!
//! Contents are numbers of [`Cell`]s, which report a thread that touches them while another one does.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::thread;

use super::index::Index;
use super::pins::Pins;
use super::slot::Facts;
use super::slots::{Content, Read, Slots, Taken, Tenancy};
use super::stamp::Stamps;
use super::thread_number::{NUMBERS, SHARED, choose, thread_number};
use crate::sync::atomic::{AtomicU64, Ordering};

/// A value that readers look at and a writer drops. Touching it at the same time, or without an order, is an error.
type Cell = UnsafeCell<u32>;

fn look_at(cell: &Cell) {
    cell.with(|_| ());
}

fn take_apart(cell: &Cell) {
    cell.with_mut(|_| ());
}

/// Tries every schedule with at most `preemptions` switches away from a thread that could have gone on.
#[expect(clippy::print_stdout, reason = "shown on request: how much was tried")]
fn every_schedule(preemptions: usize, scene: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    builder.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        scene();
    });
    println!(
        "{} schedules",
        tried.load(std::sync::atomic::Ordering::Relaxed)
    );
}

struct Shown {
    pins: Pins,
    /// 1 while the cell may be looked at.
    in_sight: AtomicU64,
    cell: Cell,
}

impl Shown {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            pins: Pins::new(),
            in_sight: AtomicU64::new(1),
            cell: Cell::new(0),
        })
    }

    fn read(&self) {
        let _pin = self.pins.pin(thread_number());
        if self.in_sight.load(Ordering::Acquire) == 1 {
            look_at(&self.cell);
        }
    }

    fn wait_for_readers(&self) {
        let mut readers = self.pins.readers();
        while !readers.are_gone() {
            thread::yield_now();
        }
    }
}

/// Readers with these numbers read twice each while a writer takes the cell out of sight and apart.
fn what_was_in_sight_stays_whole(preemptions: usize, numbers: &'static [usize], reads: usize) {
    every_schedule(preemptions, move || {
        let shown = Shown::new();
        let readers: Vec<_> = numbers
            .iter()
            .map(|number| {
                let shown = Arc::clone(&shown);
                thread::spawn(move || {
                    choose(*number);
                    (0..reads).for_each(|_| shown.read());
                })
            })
            .collect();
        shown.in_sight.store(0, Ordering::Release);
        shown.wait_for_readers();
        take_apart(&shown.cell);
        for reader in readers {
            reader.join().expect("no reader panics");
        }
    });
}

#[test]
fn a_reader_with_a_line_is_waited_for() {
    what_was_in_sight_stays_whole(7, &[0], 2);
}

#[test]
fn two_readers_with_lines_are_waited_for() {
    what_was_in_sight_stays_whole(5, &[0, 1], 1);
}

#[test]
fn a_reader_without_a_line_is_waited_for() {
    what_was_in_sight_stays_whole(7, &[SHARED], 2);
}

#[test]
fn two_readers_without_a_line_are_waited_for() {
    what_was_in_sight_stays_whole(4, &[SHARED, SHARED], 1);
}

#[test]
fn a_reader_with_and_one_without_a_line_are_waited_for() {
    what_was_in_sight_stays_whole(4, &[0, SHARED], 1);
}

/// Turns of the crowd are made by several writers at once.
fn each_of_two_writers_waits_for_the_reader(number: usize) {
    every_schedule(2, move || {
        let scenes = [Shown::new(), Shown::new()];
        let pins = Arc::clone(&scenes[0]);
        let cells = Arc::new(scenes);
        let reader = {
            let (pins, cells) = (Arc::clone(&pins), Arc::clone(&cells));
            thread::spawn(move || {
                choose(number);
                let _pin = pins.pins.pin(thread_number());
                for scene in cells.iter() {
                    if scene.in_sight.load(Ordering::Acquire) == 1 {
                        look_at(&scene.cell);
                    }
                }
            })
        };
        let take_out = |at: usize| {
            let (pins, cells) = (Arc::clone(&pins), Arc::clone(&cells));
            move || {
                cells[at].in_sight.store(0, Ordering::Release);
                pins.wait_for_readers();
                take_apart(&cells[at].cell);
            }
        };
        let other = thread::spawn(take_out(1));
        take_out(0)();
        other.join().expect("no writer panics");
        reader.join().expect("no reader panics");
    });
}

#[test]
fn two_writers_wait_for_a_reader_with_a_line() {
    each_of_two_writers_waits_for_the_reader(0);
}

#[test]
fn two_writers_wait_for_a_reader_without_a_line() {
    each_of_two_writers_waits_for_the_reader(SHARED);
}

/// Places of which each holds the number of a cell.
struct Scene {
    slots: Slots<u32, u32>,
    cells: [Cell; 3],
}

fn fill(scene: &Scene, tenancy: &mut Tenancy, cell: u32) -> u32 {
    let number = scene.slots.vacant(tenancy, 4).expect("there is room");
    scene.cells[cell as usize].with_mut(|_| ());
    let facts = Facts {
        weight_bytes: 1,
        cost: Duration::ZERO,
        written: Duration::ZERO,
        expires: None,
        hits: 0,
    };
    let content = Content {
        key: cell,
        value: cell,
    };
    scene
        .slots
        .fill(tenancy, number, content, None, (cell, 0), &facts);
    number
}

/// A scene with one entry for each of `cells`.
fn scene(cells: u32) -> (Arc<Scene>, Tenancy) {
    let (slots, mut tenancy) = Slots::new();
    let scene = Arc::new(Scene {
        slots,
        cells: [Cell::new(0), Cell::new(0), Cell::new(0)],
    });
    for cell in 0..cells {
        fill(&scene, &mut tenancy, cell);
    }
    (scene, tenancy)
}

/// Looks into place `number` as a hit does, also at what a hit notes down there.
fn read(scene: &Scene, number: u32) {
    let pin = scene.slots.pin(thread_number());
    if let Read::Entry(slot, content) = scene.slots.read(number, &pin) {
        look_at(&scene.cells[content.value as usize]);
        assert_eq!(content.key, content.value, "one entry's key and value");
        slot.count_hit();
        slot.set_word(7);
    }
}

fn move_out(scene: &Scene, departed: Option<super::slots::Departed>) -> usize {
    let contents = scene.slots.move_out(departed.into_iter());
    for content in &contents {
        take_apart(&scene.cells[content.value as usize]);
    }
    contents.len()
}

/// Takes the entry in place 0 out by the shorter way where no thread is reading, and moves it out in any case.
fn take_out(scene: &Scene, tenancy: &mut Tenancy) -> usize {
    match scene.slots.take(tenancy, scene.slots.locate(0)) {
        Taken::Content(content) => {
            take_apart(&scene.cells[content.value as usize]);
            1
        }
        Taken::Departed(departed) => move_out(scene, Some(departed)),
    }
}

fn a_place_is_filled_again_only_when_nobody_looks(number: usize, shortly: bool) {
    every_schedule(6, move || {
        let (scene, mut tenancy) = scene(1);
        let reader = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                choose(number);
                read(&scene, 0);
            })
        };
        choose(1);
        let mut moved = if shortly {
            take_out(&scene, &mut tenancy)
        } else {
            let departed = scene.slots.depart(&mut tenancy, 0);
            move_out(&scene, Some(departed))
        };
        fill(&scene, &mut tenancy, 1);
        reader.join().expect("no reader panics");
        moved += move_out(&scene, None);
        assert_eq!(moved, 1, "what departed is moved out, once");
        scene.slots.validate(&tenancy);
    });
}

#[test]
fn a_place_is_filled_again_only_when_no_reader_with_a_line_looks() {
    a_place_is_filled_again_only_when_nobody_looks(0, false);
}

#[test]
fn a_place_is_filled_again_only_when_no_reader_without_a_line_looks() {
    a_place_is_filled_again_only_when_nobody_looks(SHARED, false);
}

#[test]
fn a_place_that_is_vacated_at_once_is_filled_again_only_when_no_reader_with_a_line_looks() {
    a_place_is_filled_again_only_when_nobody_looks(0, true);
}

#[test]
fn a_place_that_is_vacated_at_once_is_filled_again_only_when_no_reader_without_a_line_looks() {
    a_place_is_filled_again_only_when_nobody_looks(SHARED, true);
}

#[test]
fn a_new_entry_is_read_whole() {
    every_schedule(7, || {
        let (scene, mut tenancy) = scene(1);
        let reader = {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                choose(0);
                read(&scene, 1);
            })
        };
        assert_eq!(fill(&scene, &mut tenancy, 1), 1);
        reader.join().expect("no reader panics");
    });
}

#[test]
fn places_that_several_give_back_are_all_given_out_again_once_each() {
    every_schedule(6, || {
        let (scene, mut tenancy) = scene(3);
        let departed = [0, 1].map(|number| scene.slots.depart(&mut tenancy, number));
        let givers: Vec<_> = departed
            .into_iter()
            .map(|departed| {
                let scene = Arc::clone(&scene);
                thread::spawn(move || {
                    choose(0);
                    assert_eq!(move_out(&scene, Some(departed)), 1);
                })
            })
            .collect();
        let early = scene.slots.vacant(&mut tenancy, 3);
        for giver in givers {
            giver.join().expect("nobody panics");
        }
        let mut given: Vec<_> = early
            .into_iter()
            .chain(std::iter::from_fn(|| scene.slots.vacant(&mut tenancy, 3)))
            .collect();
        given.sort_unstable();
        assert_eq!(given, [0, 1], "each place once, and none that is filled");
    });
}

/// Slots by hash, all on one page until it is split.
fn spread(slot: u32) -> u32 {
    slot << 30 | slot
}

fn has(index: &Index, slot: u32) -> bool {
    index.probe(spread(slot)).any(|other| other == slot)
}

/// A miss of slot 0 that counts, while `change` goes on.
fn slot_0_is_never_missed(
    preemptions: usize,
    change: impl Fn(&Index, &mut super::index::IndexWriter) + Send + Sync + 'static,
) {
    every_schedule(preemptions, move || {
        let (index, mut writer) = Index::new();
        for slot in 0..3 {
            assert!(index.insert(&mut writer, spread(slot), slot, spread, drop));
        }
        let index = Arc::new(index);
        let reader = {
            let index = Arc::clone(&index);
            thread::spawn(move || {
                let version = index.version();
                assert!(has(&index, 0) || !index.is_still(version), "a miss counts");
            })
        };
        change(&index, &mut writer);
        reader.join().expect("the reader misses nothing");
        assert!(has(&index, 0));
    });
}

#[test]
fn no_slot_is_missed_while_its_page_is_split() {
    slot_0_is_never_missed(6, |index, writer| {
        assert!(index.insert(writer, spread(3), 3, spread, drop));
    });
}

#[test]
fn no_slot_is_missed_while_its_page_is_used_again() {
    slot_0_is_never_missed(5, |index, writer| {
        assert!(index.insert(writer, spread(3), 3, spread, drop));
        // The page that 0 was on is written anew for the half that is split next.
        for slot in [6, 7] {
            assert!(index.insert(writer, spread(slot), slot, spread, drop));
        }
    });
}

#[test]
fn no_slot_is_missed_while_it_is_replaced() {
    slot_0_is_never_missed(7, |index, writer| {
        index.begin_change(writer);
        index.erase(writer, spread(0), 0);
        assert!(index.insert(writer, spread(0), 0, spread, drop));
        index.end_change(writer);
    });
}

#[test]
fn a_replaced_entry_or_its_successor_is_found_or_the_first_is_seen_departing() {
    every_schedule(6, || {
        let (scene, mut tenancy) = scene(1);
        let (index, mut writer) = Index::new();
        assert!(index.insert(&mut writer, spread(0), 0, spread, drop));
        let index = Arc::new(index);
        let reader = {
            let (scene, index) = (Arc::clone(&scene), Arc::clone(&index));
            thread::spawn(move || {
                choose(0);
                let pin = scene.slots.pin(thread_number());
                let probe = |departed: &mut bool| {
                    (index.probe(spread(0))).find_map(|number| {
                        match scene.slots.read(number, &pin) {
                            Read::Entry(_, content) => {
                                look_at(&scene.cells[content.value as usize]);
                                Some(())
                            }
                            Read::Departed => {
                                *departed = true;
                                None
                            }
                            Read::Nothing => None,
                        }
                    })
                };
                let mut departed = false;
                if probe(&mut departed).is_none() {
                    assert!(departed, "a miss counts");
                    assert!(
                        probe(&mut false).is_some(),
                        "the successor is there by then"
                    );
                }
            })
        };
        choose(1);
        let successor = fill(&scene, &mut tenancy, 1);
        index.replace(&mut writer, spread(0), 0, successor);
        let departed = scene.slots.depart(&mut tenancy, 0);
        move_out(&scene, Some(departed));
        reader.join().expect("no reader panics");
    });
}

/// Two threads take stamps, the first so many and the other two, and tell each other of theirs.
fn stamps_grow_with_what_was_told(numbers: [usize; 2], first: usize) {
    every_schedule(3, move || {
        let shared = Arc::new((Stamps::counted(), lasts(), [told(), told()]));
        let taker = |at: usize, times: usize| {
            let shared = Arc::clone(&shared);
            move || {
                let (stamps, lasts, told) = &*shared;
                choose(numbers[at]);
                for _ in 0..times {
                    let before = told[1 - at].load(Ordering::Acquire);
                    let stamp = stamps.next(thread_number(), |number| &lasts[number]);
                    assert!(stamp > before, "{stamp} after {before}");
                    told[at].store(stamp, Ordering::Release);
                }
            }
        };
        let other = thread::spawn(taker(0, first));
        taker(1, 2)();
        other.join().unwrap();
    });
}

fn lasts() -> Vec<AtomicU64> {
    (0..NUMBERS).map(|_| told()).collect()
}

fn told() -> AtomicU64 {
    AtomicU64::new(0)
}

#[test]
fn stamps_of_threads_that_take_turns_grow_with_what_was_told() {
    stamps_grow_with_what_was_told([0, 1], 4);
}

#[test]
fn stamps_of_a_thread_without_a_line_grow_with_what_was_told() {
    stamps_grow_with_what_was_told([0, SHARED], 1);
    stamps_grow_with_what_was_told([SHARED, 1], 1);
}
