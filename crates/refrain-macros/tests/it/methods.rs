//! Methods and associated functions, of types and of traits.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use refrain::key::Encoded;
use refrain::{Cache, Key, KeyEncoder, Keyable, Unkeyable, cached_result, cached_result_sync};

#[derive(Clone)]
struct Painter {
    style: String,
    runs: Arc<AtomicU32>,
}

impl Keyable for Painter {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.record("Painter", &[("style", &self.style)])
    }
}

impl Painter {
    fn new(style: &str) -> Self {
        Self {
            style: style.to_owned(),
            runs: Arc::default(),
        }
    }

    fn run(&self) -> u32 {
        self.runs.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[cached_result_sync]
    fn paint(&self, prompt: &str) -> String {
        self.run();
        format!("{prompt} in {}", self.style)
    }

    #[cached_result_sync(ignore(self))]
    fn sketch(&self, prompt: &str) -> String {
        self.run();
        format!("{prompt} in pencil")
    }

    #[cached_result_sync(key = |self, prompt| (&self.style, prompt))]
    fn draw(&self, prompt: &str) -> String {
        self.run();
        format!("{prompt} in {}", self.style)
    }

    #[cached_result_sync]
    fn palette(colors: u32) -> Vec<u32> {
        (0..colors).collect()
    }

    #[cached_result_sync]
    fn consume(self, prompt: &str) -> String {
        self.run();
        format!("{prompt} by {}", self.style)
    }

    #[cached_result_sync]
    fn shared(self: Arc<Self>, prompt: &str) -> String {
        self.run();
        format!("{prompt} by {}", self.style)
    }

    #[cached_result]
    async fn print(&self, prompt: &str) -> String {
        /// An item in the body has a `self` of its own.
        struct Frame(u32);
        impl Frame {
            fn width(&self) -> u32 {
                self.0
            }
        }
        let run = self.run();
        let twice = |text: &str| format!("{text} {text}");
        assert!(run > 0, "{} prints", self.style);
        format!(
            "{} by {} in {}",
            twice(prompt),
            self.style,
            Frame(3).width()
        )
    }

    #[cached_result]
    async fn owned(self, prompt: String) -> String {
        self.run();
        format!("{prompt} by {}", self.style)
    }

    #[cached_result]
    async fn counted(self: Arc<Self>, prompt: String) -> String {
        self.run();
        format!("{prompt} by {}", self.style)
    }
}

struct Sculptor;

impl Sculptor {
    #[cached_result_sync]
    fn palette(colors: u32) -> Vec<u32> {
        vec![7; colors as usize]
    }
}

struct Of<T>(T);

impl<T> Of<T> {
    #[cached_result_sync]
    fn name() -> &'static str {
        std::any::type_name::<T>()
    }

    #[cached_result_sync(name = "methods::named")]
    fn named() -> &'static str {
        std::any::type_name::<T>()
    }
}

trait Animal {
    fn name(&self) -> String;

    #[cached_result_sync(ignore(self))]
    fn loud(&self) -> String {
        self.name().to_uppercase()
    }

    fn louder(&self) -> String;
}

struct Cat;
struct Dog;

impl Animal for Cat {
    fn name(&self) -> String {
        "cat".to_owned()
    }

    #[cached_result_sync(ignore(self))]
    fn louder(&self) -> String {
        "CAT!".to_owned()
    }
}

impl Animal for Dog {
    fn name(&self) -> String {
        "dog".to_owned()
    }

    #[cached_result_sync(ignore(self))]
    fn louder(&self) -> String {
        "DOG!".to_owned()
    }
}

#[test]
fn self_is_part_of_the_key() {
    let (oil, ink) = (Painter::new("oil"), Painter::new("ink"));
    assert_eq!(oil.paint("a cat"), "a cat in oil");
    assert_eq!(oil.paint("a cat"), "a cat in oil");
    assert_eq!(ink.paint("a cat"), "a cat in ink");
    assert_eq!(Painter::new("oil").paint("a cat"), "a cat in oil");
    assert_eq!((oil.run(), ink.run()), (2, 2));
}

#[test]
fn self_may_be_ignored_or_keyed_in_part() {
    let (oil, ink) = (Painter::new("oil"), Painter::new("ink"));
    assert_eq!(oil.sketch("a cat"), ink.sketch("a cat"));
    assert_eq!((oil.run(), ink.run()), (2, 1));
    assert_eq!(oil.draw("a cat"), "a cat in oil");
    assert_eq!(ink.draw("a cat"), "a cat in ink");
    assert_eq!(oil.draw("a cat"), "a cat in oil");
    assert_eq!((oil.run(), ink.run()), (4, 3));
}

#[test]
fn methods_of_one_name_belong_to_their_types() {
    assert_eq!(Painter::palette(2), [0, 1]);
    assert_eq!(Sculptor::palette(2), [7, 7]);
    assert_eq!((Of::<u8>::name(), Of::<u16>::name()), ("u8", "u16"));
    assert_eq!((Of::<u8>::named(), Of::<u16>::named()), ("u8", "u16"));
    assert_eq!(Of(7_u8).0, 7);
}

#[test]
fn methods_of_traits_belong_to_the_types_they_are_for() {
    assert_eq!(
        (Cat.loud(), Dog.loud()),
        ("CAT".to_owned(), "DOG".to_owned())
    );
    assert_eq!(
        (Cat.louder(), Dog.louder()),
        ("CAT!".to_owned(), "DOG!".to_owned())
    );
}

#[test]
fn a_receiver_may_be_owned_or_counted() {
    let oil = Painter::new("oil");
    assert_eq!(oil.clone().consume("a cat"), "a cat by oil");
    assert_eq!(oil.clone().consume("a cat"), "a cat by oil");
    assert_eq!(oil.run(), 2);
    let oil = Arc::new(oil);
    assert_eq!(oil.clone().shared("a cat"), "a cat by oil");
    assert_eq!(oil.clone().shared("a cat"), "a cat by oil");
    assert_eq!(oil.run(), 4);
}

#[tokio::test]
async fn an_async_method_works_on_a_clone_of_self() {
    let oil = Painter::new("oil");
    assert_eq!(oil.print("a cat").await, "a cat a cat by oil in 3");
    assert_eq!(oil.print("a cat").await, "a cat a cat by oil in 3");
    assert_eq!(oil.clone().owned("a dog".to_owned()).await, "a dog by oil");
    assert_eq!(oil.clone().owned("a dog".to_owned()).await, "a dog by oil");
    assert_eq!(oil.run(), 3);
    let oil = Arc::new(oil);
    assert_eq!(
        oil.clone().counted("a cow".to_owned()).await,
        "a cow by oil"
    );
    assert_eq!(
        oil.clone().counted("a cow".to_owned()).await,
        "a cow by oil"
    );
    assert_eq!(oil.run(), 5);
}

#[test]
fn a_cache_may_be_a_field_or_a_static() {
    static PICTURES: LazyLock<Cache<Key, String>> =
        LazyLock::new(|| Cache::builder().build().expect("the settings are in range"));

    struct Service {
        pictures: Cache<Key, String>,
    }

    impl Service {
        #[cached_result_sync(cache = self.pictures, ignore(self))]
        fn paint(&self, prompt: &str) -> String {
            prompt.to_owned()
        }

        #[cached_result_sync(cache = PICTURES, ignore(self))]
        fn print(&self, prompt: &str) -> Result<String, std::fmt::Error> {
            Ok(prompt.to_owned())
        }
    }

    let service = Service {
        pictures: Cache::builder().build().unwrap(),
    };
    service.paint("a cat");
    service.print("a cat").unwrap();
    service.print("a dog").unwrap();
    assert_eq!((service.pictures.len(), PICTURES.len()), (1, 2));
}
