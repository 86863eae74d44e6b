use std::borrow::Cow;

use refrain::{Keyable, cached_result};

#[cached_result]
async fn slices_of_references(words: &[&str]) -> usize {
    words.len()
}

#[cached_result]
async fn a_lifetime_inside(text: Cow<'_, str>) -> usize {
    text.len()
}

#[cached_result(ignore(writer))]
async fn a_trait_object(writer: &dyn std::fmt::Debug) -> usize {
    size_of_val(writer)
}

#[cached_result]
async fn a_reference_to_an_unnamed_type(value: &impl Keyable) -> usize {
    size_of_val(value)
}

struct Service {
    name: String,
}

impl Service {
    #[cached_result(key = |self| &self.name)]
    async fn captured(&self) -> String {
        format!("{self:?} {}", self.name)
    }
}

fn main() {}
