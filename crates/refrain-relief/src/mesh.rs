//! The solid: a surface on top, four walls and a bottom, closed and without a seam.
//!
//! ```text
//!   top      one vertex per crossing of the grid, two triangles per cell
//!   walls    two triangles per cell along the border, down to z = 0
//!   bottom   a fan from one vertex in the middle to every vertex of the border
//! ```
//!
//! Walls and bottom use every vertex of the border, so no vertex lies on the edge of a triangle that does not have it,
//! and each edge belongs to exactly two triangles. The middle keeps the triangles of the bottom from being flat.
//! With `n` cells a side there are `n² + 6n + 2` vertices and `2n² + 12n` triangles.

use crate::error::ReliefError;
use crate::memory::room_for;
use crate::parameters::ReliefParameters;
use crate::stage::Stage;
use crate::surface::Surface;

/// A picture whose brightest and darkest point differ by less than this is flat.
///
/// A hundred times what rounding can make of an even picture, and a ten-thousandth of one step of a 16-bit sample.
const FLAT: f64 = 1e-9;

/// A closed solid of triangles. x runs along the picture's rows, y up its columns, z out of it, all in mm from 0.
pub(super) struct Mesh {
    cells: u32,
    vertices: Vec<[f32; 3]>,
}

impl Mesh {
    /// Makes `surface` the top of a solid with the extents of `parameters`, which are valid.
    ///
    /// # Errors
    ///
    /// [`ReliefError::Cancelled`].
    pub(super) fn of(
        surface: &Surface,
        parameters: &ReliefParameters,
        stage: &Stage<'_>,
    ) -> Result<Self, ReliefError> {
        let cells = surface.cells();
        let heights = Heights::of(surface, parameters);
        let extents = parameters.dimensions;
        let along = |side: f64, line: u32| to_f32(side * f64::from(line) / f64::from(cells));
        let xs: Vec<f32> = (0..=cells).map(|line| along(extents.width, line)).collect();
        let ys: Vec<f32> = (0..=cells)
            .map(|line| along(extents.height, cells - line))
            .collect();

        let count = (cells * cells + 6 * cells + 2) as usize;
        let mut vertices = room_for(count)?;
        for (row, &y) in (0..=cells).zip(&ys) {
            stage.report(row, cells)?;
            for (column, &x) in xs.iter().enumerate() {
                vertices.push([x, y, heights.at(surface.at(row as usize, column))]);
            }
        }
        let mut mesh = Self { cells, vertices };
        for step in 0..4 * cells {
            let [x, y, _] = mesh.vertices[mesh.rim(step) as usize];
            mesh.vertices.push([x, y, 0.0]);
        }
        let middle = [
            to_f32(extents.width / 2.0),
            to_f32(extents.height / 2.0),
            0.0,
        ];
        mesh.vertices.push(middle);
        debug_assert_eq!(mesh.vertices.len(), count);
        Ok(mesh)
    }

    /// Every vertex once, in the order in which triangles number them.
    pub(super) fn vertices(&self) -> &[[f32; 3]] {
        &self.vertices
    }

    /// Number of vertices.
    pub(super) fn vertex_count(&self) -> u32 {
        self.cells * self.cells + 6 * self.cells + 2
    }

    /// Number of triangles.
    pub(super) fn triangle_count(&self) -> u32 {
        2 * self.cells * self.cells + 12 * self.cells
    }

    /// Visits every triangle as three vertex numbers, counterclockwise seen from outside, and reports to `stage` after
    /// each row of the grid.
    ///
    /// # Errors
    ///
    /// [`ReliefError::Cancelled`].
    pub(super) fn for_each_triangle(
        &self,
        stage: &Stage<'_>,
        mut visit: impl FnMut([u32; 3]),
    ) -> Result<(), ReliefError> {
        for row in 0..self.cells {
            stage.report(row, self.cells)?;
            for column in 0..self.cells {
                for triangle in self.top_cell(row, column) {
                    visit(triangle);
                }
            }
        }
        let below = (self.cells + 1) * (self.cells + 1);
        let middle = below + 4 * self.cells;
        for step in 0..4 * self.cells {
            let next = (step + 1) % (4 * self.cells);
            let (bottom, next_bottom) = (below + step, below + next);
            visit([bottom, next_bottom, self.rim(next)]);
            visit([bottom, self.rim(next), self.rim(step)]);
            visit([middle, next_bottom, bottom]);
        }
        stage.report(1, 1)
    }

    /// The two triangles of a cell of the top, divided along the diagonal that climbs less: edges in the picture then
    /// become edges in the surface, not saw teeth.
    fn top_cell(&self, row: u32, column: u32) -> [[u32; 3]; 2] {
        let up_left = row * (self.cells + 1) + column;
        let up_right = up_left + 1;
        let down_left = up_left + self.cells + 1;
        let down_right = down_left + 1;
        let z = |vertex: u32| self.vertices[vertex as usize][2];
        let falling = (z(up_left) - z(down_right)).abs();
        let rising = (z(down_left) - z(up_right)).abs();
        if falling <= rising {
            [
                [up_left, down_left, down_right],
                [up_left, down_right, up_right],
            ]
        } else {
            [
                [down_left, down_right, up_right],
                [down_left, up_right, up_left],
            ]
        }
    }

    /// The vertex of the top that is `step` steps along its border, from x = y = 0 counterclockwise seen from above.
    fn rim(&self, step: u32) -> u32 {
        let last = self.cells;
        let along = step % last;
        let (row, column) = match step / last {
            0 => (last, along),
            1 => (last - along, last),
            2 => (0, last - along),
            _ => (along, 0),
        };
        row * (last + 1) + column
    }
}

/// The rule from brightness to height.
struct Heights {
    dark: f64,
    bright: f64,
    low: f64,
    high: f64,
}

impl Heights {
    fn of(surface: &Surface, parameters: &ReliefParameters) -> Self {
        let (dark, bright) = surface.range();
        let (base, depth) = (parameters.base, parameters.dimensions.depth);
        let (low, high) = match (bright - dark < FLAT, parameters.invert) {
            (true, _) => (depth, depth),
            (false, false) => (base, depth),
            (false, true) => (depth, base),
        };
        Self {
            dark,
            bright: bright.max(dark + FLAT),
            low,
            high,
        }
    }

    /// Height in mm. Exactly one of the ends for the darkest and the brightest point.
    fn at(&self, brightness: f64) -> f32 {
        let share = (brightness - self.dark) / (self.bright - self.dark);
        to_f32(self.low * (1.0 - share) + self.high * share)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "mesh files hold 32-bit floats; a relief of at most 1000 mm loses less than 0.0001 mm"
)]
fn to_f32(millimeters: f64) -> f32 {
    millimeters as f32
}
