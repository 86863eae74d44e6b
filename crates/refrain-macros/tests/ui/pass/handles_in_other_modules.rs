mod render {
    #[refrain::cached_result_sync(handle = render_call)]
    pub fn render(number: u32) -> u32 {
        number
    }

    #[refrain::cached_result_sync(handle)]
    pub fn draw(number: u32) -> u32 {
        number
    }
}

// The function, and the type of its name.
use render::draw;
// A module of the name of a function can be imported beside it.
use render::{render, render_call};

pub(crate) fn main() {
    assert_eq!((render(1), draw(1)), (1, 1));
    assert!(render_call(1).invalidate() && draw::invalidate(1));
}
