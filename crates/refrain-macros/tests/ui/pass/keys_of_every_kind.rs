use refrain::{Key, Unkeyable, cached_result, cached_result_sync};

struct Opaque(u64);

#[cached_result_sync(key = |number| *number)]
fn by_value(number: u64) -> u64 {
    number
}

#[cached_result_sync(key = |number: &u64, text: &String| (number, text.len()))]
fn typed(number: u64, text: String) -> u64 {
    number + text.len() as u64
}

#[cached_result_sync(key = |opaque| opaque.0)]
fn in_part(opaque: &Opaque) -> u64 {
    opaque.0
}

#[cached_result_sync(key = || ())]
fn always_the_same(opaque: Opaque) -> u64 {
    opaque.0
}

#[cached_result_sync(key = |number| {
    if *number == 0 {
        return vec![0];
    }
    vec![*number, 1]
})]
fn with_statements(number: u64) -> u64 {
    number
}

#[cached_result_sync(key = |number| Key::builder().generator("g", "1").part("n", number).build())]
fn by_builder(number: u64) -> u64 {
    number
}

#[cached_result_sync(key = |number| -> Result<Key, Unkeyable> {
    let version = if *number > 0 { "1" } else { "2" };
    let key = Key::builder().generator("g", version).build()?;
    Ok(key)
})]
fn with_a_question_mark(number: u64) -> u64 {
    number
}

#[cached_result(key = |opaque, text| (opaque.0, text.trim()))]
async fn asynchronous(opaque: Opaque, text: &str) -> u64 {
    opaque.0 + text.len() as u64
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!((by_value(1), typed(1, String::new()), in_part(&Opaque(1))), (1, 1, 1));
    assert_eq!((always_the_same(Opaque(1)), always_the_same(Opaque(2))), (1, 1));
    assert_eq!((with_statements(0), by_builder(3), with_a_question_mark(4)), (0, 3, 4));
    assert_eq!((asynchronous(Opaque(1), "a").await, asynchronous(Opaque(1), "a ").await), (2, 2));
}
