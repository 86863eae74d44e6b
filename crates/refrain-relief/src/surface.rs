//! The surface of a relief: the brightness of a picture, smooth, on the lines of a grid.

use image::metadata::Orientation;

use crate::error::ReliefError;
use crate::memory::room_for;
use crate::picture::Picture;
use crate::stage::Stage;

/// Brightness, 0 to 1, at the crossings of a square grid laid over a picture that stands upright.
///
/// The outer lines of the grid lie on the edges of the picture, so a grid of `cells` cells a side has `cells + 1` lines.
pub(super) struct Surface {
    cells: u32,
    brightness: Vec<f64>,
    orientation: Orientation,
}

impl Surface {
    /// Samples `picture` on a grid of `cells` cells a side.
    ///
    /// Rows of the picture are taken one at a time and never kept, so this needs memory for the grid only.
    ///
    /// # Errors
    ///
    /// [`ReliefError::Cancelled`].
    pub(super) fn of(
        picture: &Picture,
        cells: u32,
        stage: &Stage<'_>,
    ) -> Result<Self, ReliefError> {
        let lines = cells as usize + 1;
        let across = footprints(picture.width(), cells);
        let down = footprints(picture.height(), cells);
        let mut pixels = vec![0.0; picture.width() as usize];
        let mut row = vec![0.0; lines];
        let mut brightness = room_for(lines * lines)?;
        brightness.resize(lines * lines, 0.0);

        let mut first_line = 0;
        for y in 0..picture.height() {
            stage.report(y, picture.height())?;
            picture.read_brightness(y, &mut pixels);
            for (value, footprint) in row.iter_mut().zip(&across) {
                *value = footprint.weigh(&pixels);
            }
            let y = y as usize;
            while down[first_line].end() <= y {
                first_line += 1;
            }
            for (line, footprint) in down.iter().enumerate().skip(first_line) {
                if footprint.first > y {
                    break;
                }
                let weight = footprint.weights[y - footprint.first];
                let sums = &mut brightness[line * lines..][..lines];
                for (sum, value) in sums.iter_mut().zip(&row) {
                    *sum += weight * value;
                }
            }
        }
        Ok(Self {
            cells,
            brightness,
            orientation: picture.orientation(),
        })
    }

    /// Cells along each side.
    pub(super) fn cells(&self) -> u32 {
        self.cells
    }

    /// Brightness where line `row` from the top crosses line `column` from the left, of the upright picture.
    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        let last = self.cells as usize;
        let (row, column) = match self.orientation {
            Orientation::NoTransforms => (row, column),
            Orientation::FlipHorizontal => (row, last - column),
            Orientation::FlipVertical => (last - row, column),
            Orientation::Rotate180 => (last - row, last - column),
            Orientation::Rotate90 => (last - column, row),
            Orientation::Rotate270 => (column, last - row),
            Orientation::Rotate90FlipH => (column, row),
            Orientation::Rotate270FlipH => (last - column, last - row),
        };
        self.brightness[row * (last + 1) + column]
    }

    /// Least and greatest brightness on the grid.
    pub(super) fn range(&self) -> (f64, f64) {
        self.brightness
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
                (low.min(value), high.max(value))
            })
    }
}

/// The pixels that one grid line is made of, along one axis.
struct Footprint {
    first: usize,
    /// Share of each pixel from `first` on; together 1.
    weights: Vec<f64>,
}

impl Footprint {
    /// The pixel after the last.
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }

    fn weigh(&self, pixels: &[f64]) -> f64 {
        let pixels = &pixels[self.first..self.end()];
        let mut sum = 0.0;
        for (weight, pixel) in self.weights.iter().zip(pixels) {
            sum += weight * pixel;
        }
        sum
    }
}

/// The footprint of each of the `cells + 1` grid lines on `pixels` pixels.
///
/// One filter serves both directions: a cubic B-spline, as wide as a pixel when the picture is enlarged and as wide as
/// a cell when it is shrunk, where it is a weighted mean over every pixel of the area. Its weights are never negative,
/// so it makes no ridges beside edges, and it is twice continuously differentiable, so it makes no creases.
/// (Hou and Andrews, *Cubic splines for image interpolation and digital filtering*, IEEE Transactions on Acoustics,
/// Speech, and Signal Processing, 1978.)
///
/// Positions are whole multiples of 1 / (2 * `cells`) pixels and are computed as integers, without rounding.
fn footprints(pixels: u32, cells: u32) -> Vec<Footprint> {
    // Half the filter is two pixels or two cells, whichever is wider. In units of 1 / cells of a pixel here, and the
    // same number is one pixel or one cell in the half units of `distance`.
    let reach = 2 * pixels.max(cells);
    (0..=cells)
        .map(|line| {
            let center = line * pixels;
            let first = center.saturating_sub(reach) / cells;
            let end = (center + reach).div_ceil(cells).min(pixels);
            let mut weights: Vec<f64> = (first..end)
                .map(|pixel| {
                    let distance = ((2 * pixel + 1) * cells).abs_diff(2 * center);
                    b_spline(f64::from(distance) / f64::from(reach))
                })
                .collect();
            let total: f64 = weights.iter().sum();
            for weight in &mut weights {
                *weight /= total;
            }
            Footprint {
                first: first as usize,
                weights,
            }
        })
        .collect()
}

/// The cubic B-spline at `distance` from its center, 0 or more; it ends at 2.
fn b_spline(distance: f64) -> f64 {
    if distance < 1.0 {
        (4.0 - 6.0 * distance * distance + 3.0 * distance * distance * distance) / 6.0
    } else if distance < 2.0 {
        let rest = 2.0 - distance;
        rest * rest * rest / 6.0
    } else {
        0.0
    }
}
