use refrain::{Keyable, Weigh};

#[derive(Keyable)]
union Number {
    integer: u32,
    float: f32,
}

#[derive(Keyable)]
#[refrain(rename = "scene")]
struct Renamed {
    name: String,
}

struct Opaque;

#[derive(Keyable)]
struct Scene {
    name: String,
    opaque: Opaque,
}

#[derive(Weigh)]
enum Picture {
    Opaque { opaque: Opaque },
}

fn main() {}
