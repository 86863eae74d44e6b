use std::rc::Rc;

use refrain::cached_result_sync;

struct Mesh(Vec<u8>);

#[derive(Clone)]
struct Picture(Vec<u8>);

#[cached_result_sync(weight = |mesh| mesh.0.len())]
fn not_cloned(size: usize) -> Mesh {
    Mesh(vec![0; size])
}

#[cached_result_sync]
fn not_weighed(size: usize) -> Picture {
    Picture(vec![0; size])
}

#[cached_result_sync]
fn not_weighed_in_a_result(size: usize) -> Result<Picture, String> {
    Ok(Picture(vec![0; size]))
}

#[cached_result_sync(weight = |_| 8_u64)]
fn not_sent(size: usize) -> Rc<usize> {
    Rc::new(size)
}

#[cached_result_sync]
fn a_type_parameter<T: Default>() -> T {
    T::default()
}

fn main() {}
