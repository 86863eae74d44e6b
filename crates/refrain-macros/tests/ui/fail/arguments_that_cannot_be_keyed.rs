use refrain::{cached_result, cached_result_sync};

#[derive(Clone)]
struct Scene {
    name: String,
}

#[cached_result_sync]
fn a_type_of_ones_own(scene: &Scene) -> usize {
    scene.name.len()
}

#[cached_result_sync]
fn inside_of_others(scenes: Vec<Option<Scene>>) -> usize {
    scenes.len()
}

#[cached_result_sync]
fn a_closure(seed: u64, progress: impl Fn(u8)) -> u64 {
    progress(100);
    seed
}

#[cached_result_sync]
fn a_type_parameter<T: ToString>(value: T) -> String {
    value.to_string()
}

#[cached_result]
async fn of_an_async_function(scene: Scene) -> usize {
    scene.name.len()
}

#[cached_result_sync(key = |scene, seed| (scene, seed))]
fn given_as_a_key(scene: &Scene, seed: u64) -> u64 {
    seed + scene.name.len() as u64
}

impl Scene {
    #[cached_result_sync]
    fn render(&self, seed: u64) -> u64 {
        seed + self.name.len() as u64
    }
}

fn main() {}
