//! The process-wide cache: made on first use, configured by the environment.

mod environment;

use std::any::Any;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::builder::CacheBuilder;
use crate::cache::Cache;
use crate::error::BuildError;
use crate::key::Key;
use crate::weigh::Weigh;
use environment::Environment;

/// A value of any type, as the [global cache](global()) holds it.
///
/// ```
/// use refrain::AnyValue;
/// use std::sync::Arc;
///
/// let value: AnyValue = Arc::new("a cat".to_owned());
/// assert_eq!(value.downcast_ref::<String>().unwrap(), "a cat");
/// assert_eq!(value.downcast_ref::<u64>(), None);
/// ```
pub type AnyValue = Arc<dyn Any + Send + Sync>;

/// The reason why there is no global cache.
///
/// ```
/// use refrain::GlobalError;
///
/// refrain::global();
/// assert_eq!(refrain::init_global(|settings| settings).unwrap_err(), GlobalError::AlreadyInUse);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GlobalError {
    /// An environment variable has a value that makes no sense.
    #[error("environment variable `{variable}` is `{value}`, allowed: {allowed}")]
    Environment {
        /// Name of the variable.
        variable: &'static str,
        /// What it says.
        value: String,
        /// What would have been right.
        allowed: &'static str,
    },
    /// The settings given to [`init_global`] make no sense.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The cache was used, and so made, before [`init_global`] was called.
    #[error("the global cache is in use already: call `init_global` before anything else uses it")]
    AlreadyInUse,
}

pub(crate) struct Global {
    pub(crate) cache: Cache<Key, AnyValue>,
    /// Whether cached functions use it.
    #[cfg_attr(
        not(feature = "macros"),
        expect(dead_code, reason = "only cached functions ask")
    )]
    pub(crate) enabled: bool,
}

static GLOBAL: OnceLock<Result<Global, GlobalError>> = OnceLock::new();

/// The process-wide cache, in which cached functions keep their results unless they are told otherwise.
///
/// Made on first use, with the settings of the environment:
///
/// | variable | meaning | default | allowed |
/// | --- | --- | --- | --- |
/// | `CACHE_MAX_SIZE` | entries | 1000 | 1 to 1000000000 |
/// | `CACHE_MAX_MEMORY_MB` | memory, in MB of 1,048,576 bytes | 512 | 0.001 to 1073741824 |
/// | `CACHE_TTL_SECONDS` | seconds an entry is fresh | 86400 | 1 to 3153600000, or `never` |
/// | `DISABLE_RESULT_CACHE` | store nothing; cached functions are simply called | 0 | 1, true, yes, on, 0, false, no, off |
///
/// Values that cached functions put in are weighed by [`Weigh`] or by the function's own `weight`. Of what is put in
/// by hand, `Bytes`, `Vec<u8>` and `String` are weighed; for everything else
/// give [`EntryOptions::weight_bytes`](crate::EntryOptions::weight_bytes), or what it owns is not counted.
///
/// # Panics
///
/// When a variable makes no sense; the message names it, its value and what is allowed. Call [`try_global`] at the
/// start of the program to get an error instead.
///
/// ```
/// use refrain::{AnyValue, Key};
/// use std::sync::Arc;
///
/// let key = Key::builder().generator("greeting", "1").build()?;
/// refrain::global().insert(key, Arc::new("hello".to_owned()));
/// let value: AnyValue = refrain::global().get(&key).unwrap();
/// assert_eq!(value.downcast_ref::<String>().unwrap(), "hello");
/// # Ok::<(), refrain::Unkeyable>(())
/// ```
pub fn global() -> &'static Cache<Key, AnyValue> {
    match try_global() {
        Ok(cache) => cache,
        Err(error) => panic!("{error}"),
    }
}

/// [`global`] for programs that check their settings at the start.
///
/// # Errors
///
/// [`GlobalError::Environment`], now and at every later call. Cached functions are then simply called.
///
/// ```
/// fn main() -> Result<(), refrain::GlobalError> {
///     let cache = refrain::try_global()?;
///     assert_eq!(cache.capacity().entries, 1000);
///     Ok(())
/// }
/// ```
pub fn try_global() -> Result<&'static Cache<Key, AnyValue>, GlobalError> {
    match state() {
        Ok(global) => Ok(&global.cache),
        Err(error) => Err(error.clone()),
    }
}

/// Makes the global cache, with settings of your own on top of those of the environment. To be called once, before
/// anything uses the cache.
///
/// This is the place to say how asynchronous computations run on when their callers have left. A program on tokio says
/// `.spawner(|task| { tokio::spawn(task); })`; see [`CacheBuilder::spawner`].
///
/// # Errors
///
/// [`GlobalError`]: a variable or setting makes no sense, or the cache is in use already.
///
/// ```
/// use std::time::Duration;
///
/// let cache = refrain::init_global(|settings| settings.time_to_live(Duration::from_secs(60)))?;
/// assert_eq!(cache.time_to_live(), Some(Duration::from_secs(60)));
/// # Ok::<(), refrain::GlobalError>(())
/// ```
pub fn init_global(
    configure: impl FnOnce(CacheBuilder<Key, AnyValue>) -> CacheBuilder<Key, AnyValue>,
) -> Result<&'static Cache<Key, AnyValue>, GlobalError> {
    let environment = Environment::of_process()?;
    let global = Global {
        cache: configure(builder(&environment)).build()?,
        enabled: environment.enabled,
    };
    GLOBAL
        .set(Ok(global))
        .map_err(|_| GlobalError::AlreadyInUse)?;
    try_global()
}

pub(crate) fn state() -> &'static Result<Global, GlobalError> {
    GLOBAL.get_or_init(|| {
        let environment = Environment::of_process()?;
        Ok(Global {
            cache: builder(&environment).build()?,
            enabled: environment.enabled,
        })
    })
}

fn builder(environment: &Environment) -> CacheBuilder<Key, AnyValue> {
    let entries = if environment.enabled {
        environment.capacity_entries
    } else {
        0
    };
    let builder = Cache::builder()
        .name("global")
        .capacity_bytes(environment.capacity_bytes)
        .capacity_entries(entries)
        .weigher(weigh_any);
    match environment.time_to_live {
        Some(time_to_live) => builder.time_to_live(time_to_live),
        None => builder,
    }
}

/// For values that come without a weight.
fn weigh_any(key: &Key, value: &AnyValue) -> u64 {
    let owned = if let Some(bytes) = value.downcast_ref::<Bytes>() {
        bytes.heap_bytes()
    } else if let Some(bytes) = value.downcast_ref::<Vec<u8>>() {
        bytes.heap_bytes()
    } else if let Some(text) = value.downcast_ref::<String>() {
        text.heap_bytes()
    } else {
        0
    };
    (size_of_val(key) + size_of_val(&**value)) as u64 + owned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_becomes_the_settings_of_the_cache() {
        let environment = Environment::read(|variable| match variable {
            "CACHE_MAX_SIZE" => Some("7".into()),
            "CACHE_MAX_MEMORY_MB" => Some("0.5".into()),
            "CACHE_TTL_SECONDS" => Some("60".into()),
            _ => None,
        });
        let environment = environment.expect("the values make sense");
        let cache = builder(&environment).build().expect("they are in range");
        assert_eq!(cache.capacity().entries, 7);
        assert_eq!(cache.capacity().bytes, 512 << 10);
        assert_eq!(cache.time_to_live().map(|ttl| ttl.as_secs()), Some(60));
    }

    #[test]
    fn values_put_in_by_hand_are_weighed_where_their_type_is_known() {
        let weigh = |value: AnyValue| weigh_any(&Key::from_bytes([0; 32]), &value);
        assert_eq!(weigh(Arc::new(0_u64)), 40);
        assert_eq!(weigh(Arc::new(vec![0_u8; 100])), 32 + 24 + 100);
        assert_eq!(weigh(Arc::new("abc".to_owned())), 32 + 24 + 3);
        let bytes = Bytes::from_static(&[0; 50]);
        assert_eq!(weigh(Arc::new(bytes)), 32 + size_of::<Bytes>() as u64 + 50);
    }
}
