//! What may be asked of a relief: the fields, their ranges and their defaults.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReliefError;

/// Millimeters a side of the plate may have.
const SIDE_MM: RangeInclusive<f64> = 1.0..=1000.0;
/// Millimeters the whole relief may be thick.
const DEPTH_MM: RangeInclusive<f64> = 1.0..=500.0;
/// Millimeters the base plate may be thick. The lower end is one layer of a common printer.
const BASE_MM: RangeInclusive<f64> = 0.2..=100.0;
/// Steps of quality.
const QUALITY: RangeInclusive<u8> = 1..=10;

/// Cells along each side of the surface, for quality 1 to 10.
///
/// 7, the default, gives a plate of 100 mm one cell per 0.4 mm: the usual nozzle of a printer.
const CELLS: [u32; 10] = [32, 48, 64, 96, 128, 192, 256, 384, 640, 1024];

/// What to make of a picture. [`Default`] and an absent field mean the same.
///
/// # Example
///
/// ```
/// use refrain_server::relief::{Format, ReliefParameters};
///
/// let parameters: ReliefParameters = serde_json::from_str(r#"{"format": "glb", "dimensions": {"depth": 5}}"#)?;
/// assert_eq!(parameters.format, Format::Glb);
/// assert_eq!((parameters.dimensions.width, parameters.dimensions.depth), (100.0, 5.0));
/// parameters.validate()?;
///
/// assert!(serde_json::from_str::<ReliefParameters>(r#"{"colour": "red"}"#).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReliefParameters {
    /// File format of the answer.
    #[schema(default = "stl")]
    pub format: Format,
    /// Extents of the whole relief.
    #[serde(deserialize_with = "object")]
    pub dimensions: Dimensions,
    /// Fineness of the surface, 1 to 10: the table is in `docs/relief.md`.
    #[schema(minimum = 1, maximum = 10, default = 7)]
    pub quality: u8,
    /// Thickness of the base plate in mm, 0.2 to 100 and less than `dimensions.depth`, of which it is a part.
    ///
    /// A request that leaves it out means [`Dimensions::usual_base`]: 2, or half of a depth that has no room for 2.
    #[schema(minimum = 0.2, maximum = 100.0, default = 2.0)]
    pub base: f64,
    /// `false`: what is bright is high. `true`: what is dark is high.
    #[schema(default = false)]
    pub invert: bool,
}

/// Extents of the whole relief in mm, base plate included. The picture is stretched to fill them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dimensions {
    /// Extent along x, the picture's left to right: 1 to 1000.
    #[schema(minimum = 1.0, maximum = 1000.0, default = 100.0)]
    pub width: f64,
    /// Extent along y, the picture's bottom to top: 1 to 1000.
    #[schema(minimum = 1.0, maximum = 1000.0, default = 100.0)]
    pub height: f64,
    /// Extent along z, from the bottom of the plate to the highest point: 1 to 500.
    #[schema(minimum = 1.0, maximum = 500.0, default = 20.0)]
    pub depth: f64,
}

/// File format of a relief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Binary STL.
    #[default]
    Stl,
    /// Wavefront OBJ, indexed text.
    Obj,
    /// Binary little-endian PLY, indexed.
    Ply,
    /// Binary glTF 2.0, indexed.
    Glb,
}

impl Default for ReliefParameters {
    fn default() -> Self {
        Self {
            format: Format::default(),
            dimensions: Dimensions::default(),
            quality: 7,
            base: 2.0,
            invert: false,
        }
    }
}

impl Default for Dimensions {
    fn default() -> Self {
        Self {
            width: 100.0,
            height: 100.0,
            depth: 20.0,
        }
    }
}

impl Dimensions {
    /// Thickness in mm of the base plate when none is asked for: 2, or half the depth when that is 2 or less.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::relief::Dimensions;
    ///
    /// assert_eq!(Dimensions::default().usual_base(), 2.0);
    /// assert_eq!(Dimensions { depth: 1.0, ..Dimensions::default() }.usual_base(), 0.5);
    /// ```
    pub fn usual_base(&self) -> f64 {
        if self.depth > 2.0 {
            2.0
        } else {
            self.depth / 2.0
        }
    }
}

impl ReliefParameters {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`ReliefError::InvalidParameter`] for the first field that is not; NaN and infinities are in no range.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::relief::{Dimensions, ReliefParameters};
    ///
    /// let thin = ReliefParameters {
    ///     dimensions: Dimensions { depth: 1.5, ..Dimensions::default() },
    ///     ..ReliefParameters::default()
    /// };
    /// let error = thin.validate().unwrap_err();
    /// assert_eq!(error.field(), Some("base"));
    /// assert_eq!(error.to_string(), "`base` is 2 but must be less than `dimensions.depth`, which is 1.5 mm");
    /// assert!(ReliefParameters { base: 1.0, ..thin }.validate().is_ok());
    /// ```
    pub fn validate(&self) -> Result<(), ReliefError> {
        let Dimensions {
            width,
            height,
            depth,
        } = self.dimensions;
        check("dimensions.width", width, &SIDE_MM, " mm")?;
        check("dimensions.height", height, &SIDE_MM, " mm")?;
        check("dimensions.depth", depth, &DEPTH_MM, " mm")?;
        let quality = f64::from(*QUALITY.start())..=f64::from(*QUALITY.end());
        check("quality", f64::from(self.quality), &quality, "")?;
        check("base", self.base, &BASE_MM, " mm")?;
        if self.base >= depth {
            return Err(ReliefError::InvalidParameter {
                field: "base",
                value: self.base,
                allowed: format!("less than `dimensions.depth`, which is {depth} mm"),
            });
        }
        Ok(())
    }

    /// Cells along each side of the surface at this quality: 32 to 1024.
    ///
    /// A quality out of range counts as the nearest one in range.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::relief::ReliefParameters;
    ///
    /// assert_eq!(ReliefParameters::default().cells(), 256);
    /// assert_eq!(ReliefParameters { quality: 10, ..ReliefParameters::default() }.cells(), 1024);
    /// ```
    pub fn cells(&self) -> u32 {
        let quality = self.quality.clamp(*QUALITY.start(), *QUALITY.end());
        CELLS[usize::from(quality - QUALITY.start())]
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Stl, Self::Obj, Self::Ply, Self::Glb];

    /// Media type of the file. PLY has no registered one; `application/ply` is what is commonly sent.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::relief::Format;
    ///
    /// assert_eq!(Format::Glb.media_type(), "model/gltf-binary");
    /// ```
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Stl => "model/stl",
            Self::Obj => "model/obj",
            Self::Ply => "application/ply",
            Self::Glb => "model/gltf-binary",
        }
    }

    /// Extension of the file name, without the dot. It is also the value of the field `format`.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::relief::Format;
    ///
    /// assert_eq!(Format::default().extension(), "stl");
    /// ```
    pub fn extension(self) -> &'static str {
        match self {
            Self::Stl => "stl",
            Self::Obj => "obj",
            Self::Ply => "ply",
            Self::Glb => "glb",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// Reads a `T` from an object. Without this, an array of its fields in order would pass too.
fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

fn check(
    field: &'static str,
    value: f64,
    range: &RangeInclusive<f64>,
    unit: &str,
) -> Result<(), ReliefError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ReliefError::InvalidParameter {
        field,
        value,
        allowed: format!("from {} to {}{unit}", range.start(), range.end()),
    })
}
