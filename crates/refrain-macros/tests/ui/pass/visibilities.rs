mod shop {
    pub mod counter {
        #[refrain::cached_result_sync]
        pub fn public() -> u8 {
            1
        }

        #[refrain::cached_result_sync(handle)]
        pub(in crate::visibilities::shop) fn within() -> u8 {
            2
        }

        #[refrain::cached_result_sync]
        pub(crate) fn crate_wide() -> u8 {
            3
        }
    }

    pub fn sum() -> u8 {
        let sum = counter::within();
        assert!(counter::within::invalidate());
        sum
    }
}

pub(crate) fn main() {
    assert_eq!(shop::counter::public() + shop::sum() + shop::counter::crate_wide(), 6);
}
