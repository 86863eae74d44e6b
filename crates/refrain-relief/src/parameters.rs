//! What may be asked of a relief, every value in effect.

use serde::Serialize;

use crate::error::ReliefError;
use crate::field::{self, Millimeters};
use crate::format::Format;

/// Cells along each side of the surface, for quality 1 to 10.
///
/// 7, the default, gives a plate of 100 mm one cell per 0.4 mm: the usual nozzle of a printer.
const CELLS: [u32; 10] = [32, 48, 64, 96, 128, 192, 256, 384, 640, 1024];

/// What to make of a picture. [`Default`] is what a request means that leaves everything out.
///
/// Written as JSON, it is a request without its picture.
///
/// # Example
///
/// ```
/// use refrain_relief::{Format, ReliefParameters};
///
/// let parameters = ReliefParameters { format: Format::Glb, ..ReliefParameters::default() };
/// parameters.validate()?;
/// let request = serde_json::to_value(parameters).unwrap();
/// assert_eq!((&request["format"], &request["quality"]), (&"glb".into(), &7.into()));
/// # Ok::<(), refrain_relief::ReliefError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliefParameters {
    /// File format of the answer.
    pub format: Format,
    /// Extents of the whole relief.
    pub dimensions: Dimensions,
    /// Fineness of the surface, as [`field::QUALITY`] allows it.
    pub quality: u8,
    /// Thickness of the base plate in mm, as [`field::BASE`] allows it and less than `dimensions.depth`, of which it is
    /// a part.
    ///
    /// A request that leaves it out means [`Dimensions::usual_base`].
    pub base: f64,
    /// `false`: what is bright is high. `true`: what is dark is high.
    pub invert: bool,
}

/// Extents of the whole relief in mm, base plate included. The picture is stretched to fill them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dimensions {
    /// Extent along x, the picture's left to right, as [`field::WIDTH`] allows it.
    pub width: f64,
    /// Extent along y, the picture's bottom to top, as [`field::HEIGHT`] allows it.
    pub height: f64,
    /// Extent along z, from the bottom of the plate to the highest point, as [`field::DEPTH`] allows it.
    pub depth: f64,
}

impl Default for ReliefParameters {
    fn default() -> Self {
        Self {
            format: Format::default(),
            dimensions: Dimensions::default(),
            quality: field::QUALITY.default,
            base: field::BASE.default,
            invert: false,
        }
    }
}

impl Default for Dimensions {
    fn default() -> Self {
        Self {
            width: field::WIDTH.default,
            height: field::HEIGHT.default,
            depth: field::DEPTH.default,
        }
    }
}

impl Dimensions {
    /// Thickness in mm of the base plate when none is asked for: 2, or half the depth when that is 2 or less.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_relief::Dimensions;
    ///
    /// assert_eq!(Dimensions::default().usual_base(), 2.0);
    /// assert_eq!(Dimensions { depth: 1.0, ..Dimensions::default() }.usual_base(), 0.5);
    /// ```
    pub fn usual_base(&self) -> f64 {
        if self.depth > field::BASE.default {
            field::BASE.default
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
    /// use refrain_relief::{Dimensions, ReliefParameters};
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
        check(&field::WIDTH, width)?;
        check(&field::HEIGHT, height)?;
        check(&field::DEPTH, depth)?;
        let quality = field::QUALITY;
        if !(quality.min..=quality.max).contains(&self.quality) {
            return Err(ReliefError::InvalidParameter {
                field: quality.name,
                value: f64::from(self.quality),
                allowed: quality.allowed(),
            });
        }
        check(&field::BASE, self.base)?;
        if self.base >= depth {
            return Err(ReliefError::InvalidParameter {
                field: field::BASE.path,
                value: self.base,
                allowed: format!("less than `{}`, which is {depth} mm", field::DEPTH.path),
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
    /// use refrain_relief::ReliefParameters;
    ///
    /// assert_eq!(ReliefParameters::default().cells(), 256);
    /// assert_eq!(ReliefParameters { quality: 10, ..ReliefParameters::default() }.cells(), 1024);
    /// ```
    pub fn cells(&self) -> u32 {
        let steps = field::QUALITY;
        let quality = self.quality.clamp(steps.min, steps.max);
        CELLS[usize::from(quality - steps.min)]
    }
}

fn check(field: &Millimeters, value: f64) -> Result<(), ReliefError> {
    if field.contains(value) {
        return Ok(());
    }
    Err(ReliefError::InvalidParameter {
        field: field.path,
        value,
        allowed: field.allowed(),
    })
}
