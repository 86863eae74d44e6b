#!/usr/bin/env python3
"""Plants known bugs in a copy of the workspace, one at a time, and tells which tests find each.

    python3 crates/refrain/tests/planted.py            all of them
    python3 crates/refrain/tests/planted.py --check    only whether each one can still be planted
    python3 crates/refrain/tests/planted.py NAME ...   these

Ends with 1 when one was missed. Tests that hang have found their bug. `CARGO_TARGET_DIR` saves building the
dependencies anew. The tests that a bug is shown to are those that claim to find its kind, not all there are.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECONDS = 150

# Arguments of `cargo test`, and the tool whose schedules they are.
TESTS = {
    "lib": (["--lib"], None),
    "it": (["--test", "it"], None),
    "sim": (["--test", "sim"], None),
    "loom": (["--lib", "schedules"], "loom"),
    "shuttle": (["--test", "schedules"], "shuttle"),
}


class Bug(NamedTuple):
    name: str
    file: str
    text: str
    replacement: str
    tests: str
    places: int = 1
    crate: str = "refrain"


BUGS = [
    # Flights and invalidation
    Bug("overtaken_flight_stores", "flight/table.rs", "taken.0.flight.overtake();", "", "it shuttle"),
    Bug("tag_log_ignored", "flight/table.rs", "let valid = meant.is_none() && !flight", "let valid = !flight", "it shuttle"),
    Bug("late_caller_takes_old_value", "cache/computing.rs", ".is_some_and(|stale| stale <= joined.generation)", ".is_some_and(|_| false)", "it shuttle"),
    Bug("forgotten_invalidations_ignored", "flight/table.rs", "if began_at < log.forgotten_before {", "if false {", "it"),
    Bug("counted_out_before_stored", "flight/table.rs", "let (of, ending) = taken.unzip();\n        let valid =", "let (of, ending) = taken.unzip();\n        drop(ending);\n        let ending = ();\n        let valid =", "shuttle"),
    Bug("landings_not_waited_for", "flight/table.rs", "drop(stripe.lock());", "drop(stripe);", "shuttle"),
    Bug("landing_judged_once", "flight/table.rs", "if self.generation.load(Ordering::SeqCst) == judged {\n                break table;", "if true {\n                break table;", "shuttle"),
    Bug("panic_leaves_flight", "cache/computing.rs", "counters.panics.fetch_add(1, Ordering::Relaxed);\n                self.flights.leave(hash, flight);", "counters.panics.fetch_add(1, Ordering::Relaxed);", "it"),
    Bug("failure_leaves_flight", "cache/computing.rs", "counters.failures.fetch_add(1, Ordering::Relaxed);\n                self.flights.leave(hash, flight);", "counters.failures.fetch_add(1, Ordering::Relaxed);", "it"),
    Bug("landing_panic_leaves_flight", "cache/computing.rs", "if !self.done {", "if false {", "it"),
    Bug("second_look_left_out", "cache/computing.rs", "if !options.refresh\n                    && let Some(entry) = self.lookup(key, hash)\n                {\n                    self.flights.leave", "if false\n                    && let Some(entry) = self.lookup(key, hash)\n                {\n                    self.flights.leave", "it shuttle"),
    Bug("abandoned_computation_stops", "flight/subscription.rs", "OnAbandoned::Finish => keep_going(&self.flight),", "OnAbandoned::Finish => {}", "it"),
    Bug("lost_task_is_not_replaced", "flight/work.rs", "flight.work.release_driver();", "", "it"),
    Bug("landing_wakes_nobody", "flight.rs", "wake_all(wakers.into_iter().map(|(_, waker)| waker));", "drop(wakers);", "it"),
    Bug("cycle_not_looked_for", "flight/graph.rs", "if let Some(path) = graph.path(to, from.number) {", "if let Some(path) = graph.path(to, from.number).filter(|_| false) {", "it"),
    Bug("outer_computation_unknown", "flight/graph.rs", "let edge = current().and_then(|outer| wait_for(&outer, id).ok());", "let edge = None;", "it"),
    Bug("waiting_begins_anew", "request.rs", "self.options.deadline = self.deadline();\n        loop {", "loop {\n            self.options.deadline = self.deadline();", "it", 2),
    Bug("private_results_make_others_wait", "cache/computing.rs", "self.hit_for_miss.mark(hash, self.clock.elapsed());", "", "it"),
    # Budget, order and expiry
    Bug("weight_not_subtracted", "store/budget.rs", "self.bytes.exchange(left.1, come.1)", "self.bytes.exchange(0, come.1)", "sim"),
    Bug("weight_subtracted_twice", "store/budget.rs", "let held = self.held() - less + more;", "let held = (self.held() - less).saturating_sub(less) + more;", "sim"),
    Bug("expiry_not_taken_out", "store/held.rs", "writer.expiry.remove(number);", "", "sim"),
    Bug("cell_not_erased", "store/held.rs", "(store.index).erase(&mut writer.index, slot.hash(), number);", "", "sim"),
    Bug("overweight_evicts", "store/budget.rs", "weight_bytes <= self.bytes.capacity() &&", "weight_bytes <= self.bytes.capacity().saturating_mul(2) &&", "sim"),
    Bug("one_more_than_fits", "store/budget.rs", "more.saturating_sub(self.capacity() - self.held())", "more.saturating_sub(self.capacity() - self.held() + 1)", "lib sim"),
    Bug("used_entry_goes", "policy/calendar.rs", "state == State::Present && key(slot) <= self.base + above", "state == State::Present", "lib sim"),
    Bug("victims_weigh_nothing", "store/insertion.rs", "left = (left.0 + 1, left.1 + weight_bytes);", "left = (left.0 + 1, left.1);", "sim"),
    Bug("refused_candidate_takes_victims_along", "policy/hazard.rs", "while let Some((slot, index)) = self.taken.pop() {\n            self.order.set(slot, index);", "while let Some((_, _)) = self.taken.pop() {", "lib"),
    Bug("expired_entries_stay", "cache/purge.rs", "if alarm.as_ref().is_none_or(|(set, _)| *set > due) {", "if false {", "it"),
    Bug("hit_is_no_use", "policy.rs", "Self::Lru => tick,", "Self::Lru => word.max(u64::from(word == 0) * tick),", "sim"),
    Bug("turn_is_taken_from_the_start", "store/stamp.rs", "last(reader.number).store(from, Ordering::Relaxed);", "", "lib loom"),
    Bug("overrun_turn_is_not_left_out", "store/stamp.rs", "const LEFT_OUT: u64 = 1 << 16;", "const LEFT_OUT: u64 = 0;", "loom"),
    Bug("clock_read_before_the_message", "store/stamp.rs", "_mm_lfence();", "", "lib"),
    Bug("great_weights_are_cut_off", "store/slot.rs", "u32::try_from(facts.weight_bytes).unwrap_or(HEAVY)", "u32::try_from(facts.weight_bytes).unwrap_or(HEAVY - 1)", "lib it"),
    # Reading without a lock
    Bug("key_not_compared", "store/lookup.rs", "if content.key.borrow() == key => {", "if content.key.borrow() == key || hash != 1 => {", "it shuttle"),
    Bug("version_not_changed", "store/index.rs", "self.version.fetch_add(1, Ordering::Relaxed);", "", "lib loom"),
    Bug("replacement_is_seen", "store/insertion.rs", "self.begin_change();\n            self.take_out(old, cause, offer.moment, removed);", "self.take_out(old, cause, offer.moment, removed);\n            self.begin_change();", "it shuttle"),
    Bug("departed_entry_is_a_miss", "store/lookup.rs", "Read::Departed => departed = true,", "Read::Departed => {}", "it shuttle"),
    Bug("old_value_departs_first", "store/held.rs", "store.index.replace(&mut writer.index, hash, old, number);\n        writer.expiry.remove(old);", "let taken = store.slots.take(&mut writer.tenancy, store.slots.locate(old));\n        store.index.replace(&mut writer.index, hash, old, number);\n        writer.expiry.remove(old);\n        return Some(taken);\n        #[expect(unreachable_code)]", "it shuttle"),
    Bug("readers_not_waited_for", "store/slots.rs", "if readers.are_gone() {", "if readers.are_gone() || true {", "loom shuttle"),
    Bug("place_taken_apart_by_state_alone", "store/slots.rs", "State::Live => Read::Entry(&place.slot, unsafe {", "State::Live | State::Departed => Read::Entry(&place.slot, unsafe {", "loom shuttle"),
    Bug("mark_without_a_fence", "store/pins.rs", "            line.store(odd, Ordering::Release);\n            fence(Ordering::SeqCst);", "            line.store(odd, Ordering::Release);", "loom"),
    Bug("writer_without_a_fence", "store/pins.rs", "// Whoever is not listed below marks its line after this fence, and then sees what was done before it.\n        fence(Ordering::SeqCst);", "", "loom"),
    Bug("departure_without_a_fence", "store/slot.rs", "self.written_and_cost.store(DEPARTED, Ordering::Release);\n            fence(Ordering::SeqCst);", "self.written_and_cost.store(DEPARTED, Ordering::Release);", "loom"),
    Bug("place_vacated_under_readers", "store/slots.rs", "if !self.pins.nobody_reads() {", "if false {", "loom shuttle"),
    Bug("pin_ends_relaxed", "store/pins.rs", "line.store(after, Ordering::Release)", "line.store(after, Ordering::Relaxed)", "loom"),
    Bug("nested_pin_ends_the_outer_one", "store/pins.rs", "let after = before;", "let after = before + 1;", "lib"),
    # The disk tier
    *(
        Bug(name, file, text, replacement, tests, crate="refrain-disk")
        for name, file, text, replacement, tests in [
            ("file_not_synced", "storage/simulated.rs", "self.begin()?.files[number].synced = true;", "drop(self.begin()?);", "lib"),
            ("folder_not_synced", "tier/writing.rs", "match self.storage.sync_dir(&dir) {", "match Ok::<(), io::Error>(()) {", "lib"),
            ("failed_sync_is_acknowledged", "tier/writing.rs", "Err((error, \"sync the folder of\", name))", "drop((error, name));\n                Ok(())", "lib"),
            ("removal_not_synced", "tier/removing.rs", "match self.storage.sync_dir(&dir) {", "match Ok::<(), io::Error>(()) {", "lib"),
            ("last_process_forgotten", "tier/writing.rs", "unsynced: Firsts([u128::MAX; 2]),", "unsynced: Firsts::default(),", "lib"),
            ("body_not_verified", "format.rs", "if *blake3::hash(body).as_bytes() != head.body_digest {", "if false {", "lib"),
            ("head_not_verified", "format.rs", "if head_digest(&fixed[..SIGNED_BYTES], metadata) != fixed[SIGNED_BYTES..] {", "if false {", "lib"),
            ("key_not_compared_on_disk", "format.rs", "if head.key != *key {", "if false {", "lib"),
            ("unfinished_files_stay", "recovery.rs", ".remove(&format!(\"{TEMPORARY}/{name}\"))", ".list(&name[..0])\n            .map(drop)", "lib"),
            ("victims_go_after_the_write", "tier/writing.rs", "self.sweep(writer)?;\n        if reserved", "if reserved", "lib"),
            ("old_file_is_not_counted", "tier/writing.rs", "file.weight.checked_add(old.info.weight_bytes)", "Some(file.weight)", "lib"),
            ("successor_loses_its_file", "tier/removing.rs", "if (self.index.peek_entry(&key)).is_some_and(|entry| entry.value.readable) {", "if false {", "lib"),
            ("ticket_not_looked_at", "tier/writing.rs", "if ticket.is_overtaken(key, &head.metadata.tags) {", "if false {", "lib"),
            ("full_disk_makes_no_room", "tier/writing.rs", "&& is_full(source)", "&& false", "lib"),
            ("breaker_never_closes", "breaker.rs", "state.failures = 0;", "", "lib"),
            ("breaker_never_opens", "breaker.rs", "if failures < FAILURES {", "if failures < u32::MAX {", "lib"),
            ("wall_clock_is_believed", "format.rs", "Some(Duration::from_millis(left.min(meant)))", "Some(Duration::from_millis(left))", "lib"),
            ("failed_store_leaves_the_old_one", "tier/writing.rs", "if stored.is_err() {", "if false {", "lib"),
            ("old_value_with_the_new_time_to_live", "tier/loading.rs", "Some(told.min(counted))", "Some(told.max(counted))", "lib"),
            ("use_in_memory_does_not_count", "tier.rs", "self.0.index.hit(key).is_some()", "self.0.index.peek_entry(key).is_some()", "lib"),
            ("order_of_use_forgotten", "recovery.rs", "entries.sort_by_key(|entry| entry.used);", "", "lib"),
            ("links_are_followed", "storage.rs", "rustix::fs::OFlags::NOFOLLOW.bits()", "rustix::fs::OFlags::empty().bits()", "lib"),
            ("lock_inside_the_wiped_folder", "storage.rs", "match lock.try_lock() {", "match Ok::<(), TryLockError>(drop(&lock)) {", "lib"),
        ]
    ),
]


def plant(tree: pathlib.Path, bug: Bug):
    path = tree / "crates" / bug.crate / "src" / bug.file
    source = path.read_text()
    if bug.text not in source:
        return None
    path.write_text(source.replace(bug.text, bug.replacement, bug.places))
    return path, source


def is_found_by(tree: pathlib.Path, crate: str, name: str) -> str | None:
    arguments, tool = TESTS[name]
    environment = dict(os.environ)
    target = pathlib.Path(environment.get("CARGO_TARGET_DIR", tree / "target"))
    if tool:
        environment["RUSTFLAGS"] = f"{environment.get('RUSTFLAGS', '')} --cfg {tool}"
        environment["CARGO_TARGET_DIR"] = str(target / tool)
    # A tenth of what the ordinary run compares: each of these bugs shows early or not at all.
    environment.setdefault("REFRAIN_SIM_OPS", "200000")
    command = ["cargo", "test", "--quiet", "--package", crate, *arguments]
    build = subprocess.run(
        [*command, "--no-run"], cwd=tree, env=environment, capture_output=True, text=True
    )
    if build.returncode:
        sys.exit(f"does not build:\n{build.stderr[-2000:]}")
    # In a session of its own, so that a test that hangs ends with the `cargo` that began it.
    run = subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return f"found by {name}" if run.wait(timeout=SECONDS) else None
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return f"found by {name}, which hangs"


def verdict_on(tree: pathlib.Path, bug: Bug, only_check: bool) -> str:
    planted = plant(tree, bug)
    if planted is None:
        return "CANNOT BE PLANTED"
    path, source = planted
    try:
        if only_check:
            return "can be planted"
        found = (is_found_by(tree, bug.crate, name) for name in bug.tests.split())
        return next((by for by in found if by), f"MISSED by {bug.tests}")
    finally:
        path.write_text(source)


def main(arguments: list[str]) -> int:
    names = [name for name in arguments if not name.startswith("-")]
    wanted = [bug for bug in BUGS if not names or bug.name in names]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "refrain"
        ignored = shutil.ignore_patterns("target*", ".git", ".venv*")
        shutil.copytree(ROOT, tree, ignore=ignored)
        for bug in wanted:
            began = time.monotonic()
            verdict = verdict_on(tree, bug, "--check" in arguments)
            failed += verdict.isupper() or verdict.startswith("MISSED")
            print(f"{bug.name:34} {verdict}, {time.monotonic() - began:.0f} s", flush=True)
    print(f"{len(wanted) - failed} of {len(wanted)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
