//! Reliefs, by what is promised of them: docs/relief.md.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by a panic, in its helpers too"
)]

mod heights;
mod inputs;
mod picture;
mod progress;
mod random;
mod refusals;
mod requests;
mod solid;
mod solids;
mod wild;

use std::ops::ControlFlow;

use refrain_relief::{Dimensions, Format, ReliefError, ReliefParameters};

/// The relief of `picture`, whose progress goes nowhere.
fn generate(picture: &[u8], parameters: &ReliefParameters) -> Result<Vec<u8>, ReliefError> {
    refrain_relief::generate(picture, parameters, &|_, _| ControlFlow::Continue(()))
}

/// The relief of `picture`, read and checked to be a closed solid with the asked extents.
fn solid(picture: &[u8], parameters: &ReliefParameters) -> solid::Solid {
    let file = generate(picture, parameters).expect("the picture and the parameters are sound");
    let solid = solid::Solid::read(&file, parameters.format);
    solid.check(parameters);
    solid
}

/// Default parameters but for the quality and the format.
fn at_quality(quality: u8, format: Format) -> ReliefParameters {
    ReliefParameters {
        quality,
        format,
        ..ReliefParameters::default()
    }
}

/// Default parameters but for the quality, 1, the format, GLB, and the extents.
fn with_extents(width: f64, height: f64, depth: f64, base: f64) -> ReliefParameters {
    ReliefParameters {
        dimensions: Dimensions {
            width,
            height,
            depth,
        },
        base,
        ..at_quality(1, Format::Glb)
    }
}
