//! What a program can do about results without calling the function.

use refrain::{Cache, Key, Keyable, cached_result, cached_result_sync};

#[cached_result_sync(handle)]
fn area(width: u32, height: u32) -> u32 {
    width * height
}

#[cached_result(handle)]
async fn paint(prompt: &str, seed: u64) -> String {
    format!("{prompt} {seed}")
}

mod elsewhere {
    #[refrain::cached_result_sync(handle)]
    pub(crate) fn visible(number: u8) -> u8 {
        number
    }
}

#[test]
fn the_results_of_a_call_are_invalidated_by_its_arguments() {
    assert_eq!((area(2, 3), area(3, 4)), (6, 12));
    assert!(area::invalidate(2, 3));
    assert!(!area::invalidate(2, 3));
    assert!(area::cache().contains(&area::key(3, 4).unwrap()));
    assert_ne!(area::key(2, 3), area::key(3, 2));
}

#[tokio::test]
async fn an_async_function_has_a_handle_as_well() {
    paint("a cat", 7).await;
    assert!(paint::cache().contains(&paint::key("a cat", 7).unwrap()));
    assert!(paint::invalidate("a cat", 7));
    assert_eq!(paint::cache().stats().misses, 1);
}

#[test]
fn a_handle_is_as_visible_as_its_function() {
    elsewhere::visible(7);
    assert!(elsewhere::visible::invalidate(7));
}

#[test]
fn the_handle_of_a_function_in_a_function_sees_its_types() {
    #[derive(Clone, Copy)]
    struct Local(u8);
    impl Keyable for Local {
        fn encode_key(
            &self,
            encoder: refrain::KeyEncoder<'_>,
        ) -> Result<refrain::key::Encoded, refrain::Unkeyable> {
            self.0.encode_key(encoder)
        }
    }

    #[cached_result_sync(handle)]
    fn number(local: Local) -> u8 {
        local.0
    }

    number(Local(7));
    assert!(number::invalidate(Local(7)));
}

#[test]
fn an_instance_of_a_generic_function_has_its_own_results() {
    #[cached_result_sync(handle, key = |value| value)]
    fn text<T, const N: usize>(value: &T) -> String
    where
        T: Keyable + ToString,
    {
        value.to_string().repeat(N)
    }

    text::<u8, 2>(&7);
    assert!(!text::invalidate::<u8, 3>(&7));
    assert!(!text::invalidate::<u16, 2>(&7));
    assert!(text::invalidate::<u8, 2>(&7));
}

#[test]
fn all_results_of_a_function_go_and_no_others() {
    #[cached_result_sync(handle, tags = ["animals"])]
    fn cat(number: u8) -> u8 {
        number
    }

    #[cached_result_sync(handle)]
    fn dog(number: u8) -> u8 {
        number
    }

    (0..5).for_each(|number| assert_eq!(cat(number), dog(number)));
    assert_eq!(cat::cache().invalidate_all(), 5);
    assert_eq!(dog::cache().stats().misses, 5);
    assert!(dog::cache().contains(&dog::key(0).unwrap()));
    cat(0);
    assert_eq!(refrain::global().invalidate_tag("animals"), 1);
    assert!(cat::cache().cache_stats().is_some());
}

struct Shop {
    prices: Cache<Key, u32>,
    discount: u32,
}

impl Shop {
    #[cached_result_sync(cache = self.prices, key = |self, article| (self.discount, article), handle = price_call)]
    fn price(&self, article: u32) -> u32 {
        100 * article - self.discount
    }

    #[cached_result(cache = shop.prices, key = |shop, article| (shop.discount, article), handle = later_call)]
    async fn later(shop: std::sync::Arc<Self>, article: u32) -> u32 {
        100 * article - shop.discount
    }
}

#[tokio::test]
async fn a_call_of_a_method_leads_to_its_result() {
    let shop = std::sync::Arc::new(Shop {
        prices: Cache::builder().build().unwrap(),
        discount: 5,
    });
    assert_eq!(shop.price(2), 195);
    let call = shop.price_call(2);
    assert!(call.is_cached() && !shop.price_call(3).is_cached());
    assert_eq!(shop.prices.get(&call.key().unwrap()), Some(195));
    assert!(call.invalidate() && !call.is_cached());
    assert_eq!(call.cache().stats().misses, 1);
    assert_eq!(Shop::later(shop.clone(), 2).await, 195);
    assert!(Shop::later_call(shop.clone(), 2).invalidate());
}

#[test]
fn a_call_of_a_function_may_find_its_cache_by_an_argument() {
    #[cached_result_sync(cache = cache, ignore(cache), handle = double_call)]
    fn double<T: Keyable + Copy + Into<u64>>(cache: &Cache<Key, u64>, number: T) -> u64 {
        number.into() * 2
    }

    let cache = Cache::builder().build().unwrap();
    assert_eq!(double(&cache, 7_u8), 14);
    assert!(double_call(&cache, 7_u8).is_cached());
    assert!(!double_call(&cache, 7_u32).is_cached());
}

#[test]
fn a_call_that_cannot_be_keyed_says_why() {
    struct Stream;
    impl Keyable for Stream {
        fn encode_key(
            &self,
            _: refrain::KeyEncoder<'_>,
        ) -> Result<refrain::key::Encoded, refrain::Unkeyable> {
            Err(refrain::Unkeyable::new(
                "it can be read only once; collect it first",
            ))
        }
    }

    #[cached_result_sync(handle = read_call)]
    fn read(input: &Stream) -> u8 {
        let _ = input;
        7
    }

    assert_eq!((read(&Stream), read(&Stream)), (7, 7));
    let call = read_call(&Stream);
    assert!(!call.is_cached() && !call.invalidate());
    assert_eq!(call.cache().stats().uncached, 2);
    assert_eq!(
        call.key().unwrap_err().to_string(),
        "`input` cannot be part of a key: it can be read only once; collect it first"
    );
}
