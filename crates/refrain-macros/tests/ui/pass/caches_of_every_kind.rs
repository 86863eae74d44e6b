use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use refrain::{AnyValue, Cache, Key, cached_result, cached_result_sync};

static LAZY: LazyLock<Cache<Key, Bytes>> = LazyLock::new(|| Cache::builder().build().unwrap());
static ANY: LazyLock<Cache<Key, AnyValue>> = LazyLock::new(|| Cache::builder().build().unwrap());
static ONCE: OnceLock<Cache<Key, u64>> = OnceLock::new();

fn made() -> Cache<Key, u64> {
    ONCE.get_or_init(|| Cache::builder().build().unwrap()).clone()
}

#[cached_result_sync(cache = LAZY)]
fn lazy(number: u8) -> Bytes {
    Bytes::from(vec![number])
}

#[cached_result_sync(cache = *LAZY)]
fn dereferenced(number: u8) -> Result<Bytes, String> {
    Ok(Bytes::from(vec![number]))
}

#[cached_result_sync(cache = ANY)]
fn any(number: u8) -> String {
    number.to_string()
}

#[cached_result_sync(cache = refrain::global())]
fn global(number: u8) -> String {
    number.to_string()
}

#[cached_result_sync(cache = made())]
fn call(number: u8) -> u64 {
    number.into()
}

#[cached_result(cache = made())]
async fn async_call(number: u8) -> u64 {
    number.into()
}

struct Service {
    cache: Cache<Key, u64>,
    shared: Arc<Cache<Key, u64>>,
}

impl Service {
    #[cached_result_sync(cache = self.cache, ignore(self))]
    fn field(&self, number: u8) -> u64 {
        number.into()
    }

    #[cached_result(cache = self.shared, ignore(self))]
    async fn shared(self: Arc<Self>, number: u8) -> u64 {
        number.into()
    }
}

#[cached_result(cache = service.cache, ignore(service))]
async fn through_an_argument(service: Arc<Service>, number: u8) -> u64 {
    number.into()
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    lazy(1);
    dereferenced(2).unwrap();
    any(1);
    global(1);
    assert_eq!((call(1), async_call(2).await), (1, 2));
    let service = Arc::new(Service { cache: made(), shared: Arc::new(made()) });
    assert_eq!((service.field(1), service.clone().shared(1).await), (1, 1));
    assert_eq!(through_an_argument(service, 1).await, 1);
    assert_eq!((LAZY.len(), ANY.len(), made().len()), (2, 1, 5));
}
