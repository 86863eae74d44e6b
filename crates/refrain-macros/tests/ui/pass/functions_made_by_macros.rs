pub use refrain as refrain_again;

macro_rules! functions {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty $body:block)*) => {$(
        #[refrain::cached_result_sync(crate = $crate::functions_made_by_macros::refrain_again, handle, version = 1)]
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) -> $output $body
    )*};
}

macro_rules! getter {
    ($name:ident, $output:ty, $value:expr) => {
        #[refrain::cached_result(ttl = std::time::Duration::from_secs(60), key = |number| number)]
        async fn $name(number: u8, text: &str) -> $output {
            let number = u64::from(number);
            $value + number + text.len() as u64
        }
    };
}

functions! {
    fn double(number: u32) -> u32 { number * 2 }
    /// Documented.
    pub(crate) fn join(words: &[&str], between: &'static str) -> Result<String, ()> { Ok(words.join(between)) }
    fn nothing() -> Option<u8> { None }
}

getter!(seven, u64, 7);

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!((double(2), double(2)), (4, 4));
    assert!(double::invalidate(2));
    assert_eq!(join(&["a", "b"], "-"), Ok("a-b".to_owned()));
    assert_eq!((nothing(), seven(1, "a").await), (None, 9));
}
