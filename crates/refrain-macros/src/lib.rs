//! `#[cached_result]` and `#[cached_result_sync]`, and what types of the user's own need to be their arguments and
//! results: `#[derive(Keyable)]` and `#[derive(Weigh)]`. Use them through the crate `refrain`, which re-exports them.
//!
//! The attribute is read into `arguments`, the function into `function`; `expand` puts the two together into one
//! call of `refrain::__private`, and `handle` adds the item that `handle` asks for.

mod arguments;
mod derive;
mod expand;
mod function;
mod hygiene;
mod key_closure;
mod literal;
mod receiver;
mod types;

/// The examples of the page are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust-decorators.md")]
mod page {}

use proc_macro::TokenStream;

use function::Kind;

/// Keeps the results of an `async fn`: it is not run twice for the same arguments.
///
/// ```
/// use refrain::cached_result;
/// use std::time::Duration;
///
/// #[cached_result(ttl = Duration::from_secs(3600))]
/// async fn paint(prompt: String, seed: u64) -> Vec<u8> {
///     // …two minutes later…
///     format!("{prompt} {seed}").into_bytes()
/// }
///
/// # async fn example() {
/// let first = paint("a cat in the rain".to_owned(), 7).await;
/// let again = paint("a cat in the rain".to_owned(), 7).await; // from the cache
/// assert_eq!(first, again);
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example());
/// ```
///
/// The computation belongs to the cache: calls with the same arguments that come while it runs wait for it, and it
/// goes on when its caller is dropped. So arguments must be owned, or plain references to what can be cloned, and
/// everything must be `Send`.
///
/// The arguments of the attribute are those of [`macro@cached_result_sync`].
#[proc_macro_attribute]
pub fn cached_result(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Kind::Async, arguments.into(), &item.into()).into()
}

/// Keeps the results of a function: it is not run twice for the same arguments.
///
/// ```
/// use refrain::cached_result_sync;
///
/// #[cached_result_sync]
/// fn mesh(name: &str, detail: u32) -> Result<Vec<u8>, std::num::ParseIntError> {
///     Ok(vec![name.parse()?; detail as usize])
/// }
///
/// assert_eq!(mesh("7", 3).unwrap(), [7, 7, 7]);
/// assert_eq!(mesh("7", 3).unwrap(), [7, 7, 7]); // from the cache
/// assert!(mesh("seven", 3).is_err()); // an `Err` is not stored
/// ```
///
/// Works on functions and methods, generic ones included. Without arguments, results are kept in `refrain::global()`
/// under a key made of the path of the function and all of its arguments.
///
/// | argument | meaning | default |
/// | --- | --- | --- |
/// | `ttl = Duration` | how long a result is fresh; zero: not stored | as the cache is set |
/// | `key = \|prompt, seed\| …` | what makes two calls the same, from arguments by name: anything that can be keyed, or a `Key` | all arguments |
/// | `ignore(progress, self)` | arguments that cannot change the result | none |
/// | `cache = CACHE` | where to keep results: a `Cache<Key, T>` of the function's type, or a `Cache<Key, AnyValue>` | `refrain::global()` |
/// | `cost = Duration` | what computing a result takes | measured |
/// | `tags = ["model:v2"]` | labels, for invalidating many results at once | none |
/// | `weight = \|result\| …` | bytes that a result occupies | by `refrain::Weigh`; by the weigher of `cache` |
/// | `enabled = bool` | whether this call uses the cache | `true` |
/// | `name = "shop::price"` | goes into the key instead of the path; functions of one name share results | the path |
/// | `version = "2"` | part of the key: change it when the function changes | `"1"` |
/// | `store_errors` | an `Err` is stored like an `Ok` | it is not stored |
/// | `handle` | makes `function::cache()`, `function::key(…)` and `function::invalidate(…)` | nothing is made |
/// | `handle = price_call` | makes a function `price_call`, which takes the same arguments and leads to where their result is filed | nothing is made |
/// | `crate = path` | where the crate `refrain` is found | `::refrain` |
///
/// The values are Rust expressions; all but `name` and `weight` may use the arguments of the function, and `self`.
///
/// The function's own result is never lost: where the cache cannot help, the function is simply called.
/// `docs/rust-decorators.md` has more on each argument.
#[proc_macro_attribute]
pub fn cached_result_sync(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(Kind::Sync, arguments.into(), &item.into()).into()
}

/// Makes a type of your own part of keys, by every one of its fields and, in an enum, by the variant.
///
/// Every field must be `Keyable` itself, and so must every type parameter. The form is that of
/// `docs/key-format.md`: under the name of the type, without its module, so that types of one name and the same
/// fields are one where they can take each other's place.
///
/// ```
/// use refrain::{Keyable, cached_result_sync};
///
/// #[derive(Keyable)]
/// struct Scene { name: String, size: (u32, u32), style: Style }
///
/// #[derive(Keyable)]
/// enum Style { Plain, Shaded { light: f64 } }
///
/// #[cached_result_sync]
/// fn render(scene: &Scene) -> String {
///     format!("{} {:?}", scene.name, scene.size)
/// }
///
/// let scene = Scene { name: "a cat".into(), size: (640, 480), style: Style::Shaded { light: 0.5 } };
/// assert_eq!(render(&scene), render(&scene)); // once
/// # let Style::Plain = Style::Plain else { unreachable!() };
/// ```
///
/// `#[refrain(crate = path)]` on the type says where the crate `refrain` is found. To leave a field out, implement
/// the trait by hand.
#[proc_macro_derive(Keyable, attributes(refrain))]
pub fn keyable(input: TokenStream) -> TokenStream {
    derive::keyable(input.into()).into()
}

/// Lets a type of your own be the result of a cached function: it weighs what its fields weigh.
///
/// ```
/// use refrain::{Weigh, cached_result_sync};
///
/// #[derive(Clone, Weigh)]
/// struct Mesh { vertices: Vec<[f32; 3]>, name: String }
///
/// #[cached_result_sync]
/// fn mesh(detail: usize) -> Mesh {
///     Mesh { vertices: vec![[0.0; 3]; detail], name: String::new() }
/// }
///
/// assert_eq!(mesh(1000).heap_bytes(), 12_000);
/// ```
///
/// `#[refrain(crate = path)]` on the type says where the crate `refrain` is found.
#[proc_macro_derive(Weigh, attributes(refrain))]
pub fn weigh(input: TokenStream) -> TokenStream {
    derive::weigh(input.into()).into()
}
