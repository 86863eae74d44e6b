use std::sync::Arc;

use refrain::key::Encoded;
use refrain::{KeyEncoder, Keyable, Unkeyable, cached_result, cached_result_sync};

#[derive(Clone)]
struct Model(String);

impl Keyable for Model {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.tagged("Model", &self.0)
    }
}

impl Model {
    #[cached_result_sync]
    fn by_reference(&self) -> usize {
        self.0.len()
    }

    #[cached_result_sync]
    fn by_lifetime<'a>(&'a self, other: &'a str) -> usize {
        self.0.len() + other.len()
    }

    #[cached_result_sync]
    fn by_value(self) -> usize {
        self.0.len()
    }

    #[cached_result_sync]
    fn by_mutable_value(mut self) -> usize {
        self.0.push('x');
        self.0.len()
    }

    #[cached_result_sync]
    fn by_box(self: Box<Self>) -> usize {
        self.0.len()
    }

    #[cached_result_sync(ignore(self))]
    fn by_mutable_reference(&mut self) -> usize {
        self.0.push('x');
        self.0.len()
    }

    #[cached_result_sync]
    fn associated(number: usize) -> usize {
        number
    }

    #[cached_result_sync]
    fn of_its_own_type(other: &Self) -> Self {
        other.clone()
    }

    #[cached_result]
    async fn async_by_reference(&self) -> usize {
        self.0.len()
    }

    #[cached_result]
    async fn async_by_arc(self: Arc<Self>) -> usize {
        self.0.len()
    }

    #[cached_result]
    async fn async_by_mutable_value(mut self) -> usize {
        self.0.push('x');
        self.0.len()
    }
}

impl refrain::Weigh for Model {
    fn heap_bytes(&self) -> u64 {
        self.0.heap_bytes()
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut model = Model("abc".to_owned());
    assert_eq!(model.by_mutable_reference(), 4);
    assert_eq!(model.by_mutable_reference(), 4);
    assert_eq!((model.by_reference(), model.by_lifetime("x")), (4, 5));
    assert_eq!((model.clone().by_value(), Box::new(model.clone()).by_box()), (4, 4));
    assert_eq!(model.clone().by_mutable_value(), 5);
    assert_eq!(Model::associated(7), 7);
    assert_eq!(Model::of_its_own_type(&model).0, "abcx");
    assert_eq!(model.async_by_reference().await, 4);
    assert_eq!(model.clone().async_by_mutable_value().await, 5);
    assert_eq!(Arc::new(model).async_by_arc().await, 4);
}
