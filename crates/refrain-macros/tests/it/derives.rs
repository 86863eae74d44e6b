//! Types of the user's own, as arguments and as results.

use refrain::key::{Encoded, canonical_form};
use refrain::{KeyEncoder, Keyable, Unkeyable, Weigh, cached_result_sync};

/// Written by hand, as `docs/key-format.md` describes it.
struct ByHand<F>(F);

impl<F: Fn(KeyEncoder<'_>) -> Result<Encoded, Unkeyable>> Keyable for ByHand<F> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        self.0(encoder)
    }
}

#[derive(Keyable)]
struct Scene<'a, T> {
    r#type: &'a str,
    size: (u32, u32),
    extra: T,
}

#[derive(Keyable)]
struct Pair(u32, String);

#[derive(Keyable)]
struct Wrapper(u32);

#[derive(Keyable)]
struct Unit;

#[derive(Keyable)]
enum Style<const N: usize> {
    Plain,
    Dots([u8; N]),
    Shaded { light: f64, dark: f64 },
}

fn form(value: &impl Keyable) -> Vec<u8> {
    canonical_form(value).expect("it can be keyed")
}

#[test]
fn structs_have_the_form_of_the_key_format() {
    let scene = Scene {
        r#type: "cat",
        size: (2, 3),
        extra: Some(true),
    };
    let by_hand = ByHand(|encoder: KeyEncoder<'_>| {
        encoder.record(
            "Scene",
            &[("type", &"cat"), ("size", &(2, 3)), ("extra", &Some(true))],
        )
    });
    assert_eq!(form(&scene), form(&by_hand));
    let pair = ByHand(|encoder: KeyEncoder<'_>| encoder.tagged("Pair", &(7, "a")));
    assert_eq!(form(&Pair(7, "a".to_owned())), form(&pair));
    let wrapper = ByHand(|encoder: KeyEncoder<'_>| encoder.tagged("Wrapper", &(7,)));
    assert_eq!(form(&Wrapper(7)), form(&wrapper));
    let unit = ByHand(|encoder: KeyEncoder<'_>| encoder.tagged("Unit", &()));
    assert_eq!(form(&Unit), form(&unit));
}

#[test]
fn enums_have_the_form_of_the_key_format() {
    let plain = ByHand(|encoder: KeyEncoder<'_>| encoder.variant("Style", "Plain", &()));
    assert_eq!(form(&Style::<2>::Plain), form(&plain));
    let dots = ByHand(|encoder: KeyEncoder<'_>| encoder.variant("Style", "Dots", &([1_u8, 2],)));
    assert_eq!(form(&Style::Dots([1, 2])), form(&dots));
    let shaded = form(&Style::<2>::Shaded {
        light: 0.5,
        dark: 1.5,
    });
    assert_ne!(
        shaded,
        form(&Style::<2>::Shaded {
            light: 1.5,
            dark: 0.5
        })
    );
}

#[test]
fn a_field_that_cannot_be_keyed_is_named() {
    struct Stream;
    impl Keyable for Stream {
        fn encode_key(&self, _: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            Err(Unkeyable::new("it can be read only once; collect it first"))
        }
    }
    #[derive(Keyable)]
    struct Request {
        body: Stream,
    }

    let unkeyable = canonical_form(&Request { body: Stream }).unwrap_err();
    assert_eq!(
        unkeyable.to_string(),
        "`body` cannot be part of a key: it can be read only once; collect it first"
    );
}

#[test]
fn a_type_of_the_users_own_weighs_what_its_fields_weigh() {
    #[derive(Clone, Weigh)]
    struct Mesh<T> {
        vertices: Vec<T>,
        name: String,
    }
    #[derive(Clone, Weigh)]
    enum Picture {
        Empty,
        Pixels(Vec<u8>, String),
    }

    let mesh = Mesh {
        vertices: vec![[0.0_f32; 3]; 10],
        name: "abc".to_owned(),
    };
    assert_eq!(mesh.heap_bytes(), 123);
    assert_eq!(Picture::Empty.heap_bytes(), 0);
    assert_eq!(
        Picture::Pixels(vec![0; 100], "ab".to_owned()).heap_bytes(),
        102
    );
}

#[test]
fn it_can_be_argument_self_and_result() {
    #[derive(Keyable, Weigh, Clone, Debug, PartialEq)]
    struct Size {
        width: u32,
        height: u32,
    }
    impl Size {
        #[cached_result_sync]
        fn turned(&self) -> Self {
            Self {
                width: self.height,
                height: self.width,
            }
        }
    }

    let size = Size {
        width: 2,
        height: 3,
    };
    let turned = size.turned();
    assert_eq!((turned.width, turned.height), (3, 2));
    assert_eq!(turned.turned(), size);
}
