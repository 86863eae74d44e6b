use refrain::cached_result_sync;

fn outer() -> u32 {
    #[cached_result_sync]
    fn inner() -> u32 {
        #[cached_result_sync]
        fn innermost() -> u32 {
            1
        }
        innermost() + 1
    }
    inner() + 1
}

const fn _in_a_constant() -> u32 {
    const VALUE: fn() -> u32 = {
        #[cached_result_sync]
        fn value() -> u32 {
            7
        }
        value
    };
    let _ = VALUE;
    1
}

pub(crate) fn main() {
    assert_eq!(outer(), 3);
    let in_a_closure = || {
        #[cached_result_sync]
        fn inner() -> u32 {
            5
        }
        inner()
    };
    assert_eq!(in_a_closure(), 5);
}
