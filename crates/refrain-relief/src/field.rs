//! The fields of a request: what each is called, what it may be and what it is when it is left out.
//!
//! ```
//! use refrain_relief::field::{DEPTH, QUALITY};
//!
//! assert_eq!((DEPTH.name, DEPTH.min, DEPTH.max, DEPTH.default), ("depth", 1.0, 500.0, 20.0));
//! assert_eq!((QUALITY.name, QUALITY.min, QUALITY.max, QUALITY.default), ("quality", 1, 10, 7));
//! ```

/// The picture: bytes of a file.
pub const IMAGE: &str = "image";
/// File format of the answer: one of [`Format::ALL`](crate::Format::ALL) by its
/// [`extension`](crate::Format::extension).
pub const FORMAT: &str = "format";
/// The object that holds [`WIDTH`], [`HEIGHT`] and [`DEPTH`].
pub const DIMENSIONS: &str = "dimensions";
/// `false`: what is bright is high. `true`: what is dark is high.
pub const INVERT: &str = "invert";

/// Extent along x, the picture's left to right.
pub const WIDTH: Millimeters = Millimeters {
    name: "width",
    path: "dimensions.width",
    about: "Width",
    min: 1.0,
    max: 1000.0,
    default: 100.0,
};

/// Extent along y, the picture's bottom to top.
pub const HEIGHT: Millimeters = Millimeters {
    name: "height",
    path: "dimensions.height",
    about: "Height",
    ..WIDTH
};

/// Extent along z, from the bottom of the plate to the highest point.
pub const DEPTH: Millimeters = Millimeters {
    name: "depth",
    path: "dimensions.depth",
    about: "Depth with the base",
    min: 1.0,
    max: 500.0,
    default: 20.0,
};

/// Thickness of the base plate, a part of the depth and less than it. The lower end is one layer of a common printer.
///
/// Left out, it is [`Dimensions::usual_base`](crate::Dimensions::usual_base): the default here, or half of a depth that
/// has no room for it.
pub const BASE: Millimeters = Millimeters {
    name: "base",
    path: "base",
    about: "Thickness of the base plate",
    min: 0.2,
    max: 100.0,
    default: 2.0,
};

/// Fineness of the surface: the table is in `docs/relief.md`.
pub const QUALITY: Steps = Steps {
    name: "quality",
    about: "Fineness of the surface",
    min: 1,
    max: 10,
    default: 7,
};

/// A field that holds a length in millimeters.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Millimeters {
    /// The name in its object.
    pub name: &'static str,
    /// The name with the objects it is in, as messages name it.
    pub path: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The least it may be.
    pub min: f64,
    /// The most it may be.
    pub max: f64,
    /// What it is when it is left out.
    pub default: f64,
}

/// A field that holds a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steps {
    /// The name.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The least it may be.
    pub min: u8,
    /// The most it may be.
    pub max: u8,
    /// What it is when it is left out.
    pub default: u8,
}

impl Millimeters {
    /// What the field may be, as words that follow "must be".
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::field::BASE;
    ///
    /// assert_eq!(BASE.allowed(), "from 0.2 to 100 mm");
    /// ```
    pub fn allowed(&self) -> String {
        format!("from {} to {} mm", self.min, self.max)
    }

    /// Whether `value` is in the range. NaN is in no range.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::field::BASE;
    ///
    /// assert!(BASE.contains(0.2) && !BASE.contains(f64::NAN));
    /// ```
    pub fn contains(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&value)
    }
}

impl Steps {
    /// What the field may be, as words that follow "must be".
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::field::QUALITY;
    ///
    /// assert_eq!(QUALITY.allowed(), "from 1 to 10");
    /// ```
    pub fn allowed(&self) -> String {
        format!("from {} to {}", self.min, self.max)
    }
}
