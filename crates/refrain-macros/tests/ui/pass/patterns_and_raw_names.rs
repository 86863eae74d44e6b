use refrain::{cached_result, cached_result_sync};

#[cached_result_sync(key = |r#type, mutable| (r#type, mutable), handle)]
fn r#match(r#type: &str, (a, _): (u8, u8), mut mutable: u8) -> usize {
    mutable += a;
    r#type.len() + usize::from(mutable)
}

#[cached_result(ignore(r#async))]
async fn r#await([first, .., last]: [u8; 4], r#async: bool, _: u8) -> u8 {
    if r#async { first } else { last }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(r#match("a", (1, 2), 3), 5);
    assert!(r#match::invalidate("a", (1, 2), 3));
    assert_eq!(r#await([1, 2, 3, 4], true, 0).await, 1);
}
