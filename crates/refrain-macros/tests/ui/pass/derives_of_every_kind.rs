use refrain::{Keyable, Weigh};

mod dependencies {
    pub use refrain as cache;
}

#[derive(Clone, Keyable, Weigh)]
struct Named<T: Copy, const N: usize>
where
    T: std::fmt::Debug,
{
    r#type: [T; N],
    text: &'static str,
    number: Option<std::num::NonZero<u8>>,
    #[allow(dead_code)]
    __encoder: std::borrow::Cow<'static, str>,
}

#[derive(Keyable, Weigh)]
#[refrain(crate = dependencies::cache)]
pub struct Tuple(u8, pub Vec<Tuple>);

#[derive(Keyable)]
struct Borrowed<'a>(&'a str);

#[derive(Keyable, Weigh)]
struct Unit;

#[derive(Keyable, Weigh)]
struct Empty {}

#[derive(Keyable, Weigh)]
enum Never {}

#[derive(Keyable, Weigh)]
#[repr(u8)]
enum Every {
    Unit = 1,
    Tuple(u8, String),
    Named { ok: bool, r#loop: Box<Every> },
    NoFields(),
    NoNames {},
}

pub(crate) fn main() {
    let every = Every::Named {
        ok: true,
        r#loop: Box::new(Every::Tuple(1, String::new())),
    };
    let keyed: [&dyn Keyable; 7] =
        [&every, &Borrowed("a"), &Unit, &Empty {}, &Every::Unit, &Every::NoFields(), &Every::NoNames {}];
    let forms = keyed.map(|value| refrain::key::canonical_form(&value).unwrap());
    assert_ne!(forms[0], forms[1]);
    assert_eq!(Tuple(1, vec![Tuple(2, vec![])]).heap_bytes(), size_of::<Tuple>() as u64);
    let _ = None::<(Named<u8, 1>, Never)>;
}
