use super::*;
use crate::{Artifact, GenerateError};

fn key(seed: u8) -> Key {
    Key::from_bytes([seed; 32])
}

fn work() -> Arc<dyn Work> {
    Arc::new(|_: &Progress| -> Result<Artifact, GenerateError> { Err(GenerateError::Cancelled) })
}

fn flights() -> Arc<Flights> {
    Flights::new(CancellationToken::new())
}

#[test]
fn the_second_to_ask_joins_the_first_and_shares_its_work() {
    let flights = flights();
    let first = flights.join(key(1), work());
    let second = flights.join(key(1), work());
    assert!(Arc::ptr_eq(first.flight(), second.flight()));
    assert!(!Arc::ptr_eq(
        first.flight(),
        flights.join(key(2), work()).flight()
    ));
}

#[test]
fn hanging_up_lets_the_work_go_on() {
    let interest = flights().join(key(1), work());
    let flight = Arc::clone(interest.flight());
    drop(interest);
    assert!(!flight.cancelled().is_cancelled());
}

#[test]
fn the_last_to_leave_on_purpose_stops_the_work() {
    let flights = flights();
    let first = flights.join(key(1), work());
    let second = flights.join(key(1), work());
    let flight = Arc::clone(first.flight());
    first.switch().on_purpose();
    drop(first);
    assert!(!flight.cancelled().is_cancelled(), "somebody else waits");
    second.switch().on_purpose();
    drop(second);
    assert!(flight.cancelled().is_cancelled());
}

#[test]
fn who_has_its_result_stops_nothing_when_it_goes() {
    let flights = flights();
    let interest = flights.join(key(1), work());
    let flight = Arc::clone(interest.flight());
    interest.switch().on_purpose();
    interest.settle();
    assert!(!flight.cancelled().is_cancelled());
}

#[test]
fn nobody_joins_a_flight_that_was_cancelled() {
    let flights = flights();
    let first = flights.join(key(1), work());
    let cancelled = Arc::clone(first.flight());
    first.switch().on_purpose();
    drop(first);
    let second = flights.join(key(1), work());
    assert!(!Arc::ptr_eq(&cancelled, second.flight()));
    drop(cancelled);
    let third = flights.join(key(1), work());
    assert!(Arc::ptr_eq(second.flight(), third.flight()));
}

#[test]
fn the_table_forgets_flights_that_ended() {
    let flights = flights();
    drop(flights.join(key(1), work()));
    drop(flights.alone(key(2), work()));
    assert!(flights.lock().is_empty());
}

#[test]
fn progress_never_goes_back_and_small_steps_are_not_told() {
    let interest = flights().join(key(1), work());
    let progress = interest.flight().progress();
    let mut watch = progress.watch().unwrap();
    progress.set(0.5, "mesh");
    assert!(watch.has_changed().unwrap());
    watch.mark_unchanged();
    progress.set(0.4, "mesh");
    progress.set(0.5001, "mesh");
    progress.set(f64::NAN, "mesh");
    assert!(!watch.has_changed().unwrap());
    progress.set(7.0, "mesh");
    assert!((watch.borrow().fraction - 1.0).abs() < f64::EPSILON);
}
