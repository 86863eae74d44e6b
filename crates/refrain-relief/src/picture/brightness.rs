//! Brightness of pixels of any kind.

use image::DynamicImage;

use super::opacity::Opacity;

/// Shares of red, green and blue in brightness: ITU-R BT.709, applied to the values as they are stored.
const SHARES: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// Writes the brightness of row `y` of `image`, 0 to 1, into `row`, which is as long as the image is wide.
pub(super) fn read(image: &DynamicImage, opacity: Opacity, y: u32, row: &mut [f64]) {
    let y = y as usize;
    match image {
        DynamicImage::ImageLuma8(image) => convert::<_, 1>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageLumaA8(image) => convert::<_, 2>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageRgb8(image) => convert::<_, 3>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageRgba8(image) => convert::<_, 4>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageLuma16(image) => convert::<_, 1>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageLumaA16(image) => convert::<_, 2>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageRgb16(image) => convert::<_, 3>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageRgba16(image) => convert::<_, 4>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageRgb32F(image) => convert::<_, 3>(image.as_raw(), opacity, y, row),
        DynamicImage::ImageRgba32F(image) => convert::<_, 4>(image.as_raw(), opacity, y, row),
        _ => unreachable!("the decoders of the formats that are read make no other kind"),
    }
}

/// Converts row `y` of samples that lie pixel by pixel, `CHANNELS` to a pixel.
fn convert<S: Sample, const CHANNELS: usize>(
    samples: &[S],
    opacity: Opacity,
    y: usize,
    row: &mut [f64],
) {
    let stride = row.len() * CHANNELS;
    let (pixels, _) = samples[y * stride..][..stride].as_chunks::<CHANNELS>();
    for (brightness, pixel) in row.iter_mut().zip(pixels) {
        *brightness = brightness_of(&pixel.map(Sample::to_unit), opacity);
    }
}

/// Brightness of a pixel of one to four channels, the last of two or four being opacity, laid on white.
fn brightness_of(pixel: &[f64], kind: Opacity) -> f64 {
    let (brightness, opacity) = match *pixel {
        [gray] => (gray, 1.0),
        [gray, opacity] => (gray, opacity),
        [red, green, blue] => (mix(red, green, blue), 1.0),
        [red, green, blue, opacity] => (mix(red, green, blue), opacity),
        _ => unreachable!("a pixel has one to four channels"),
    };
    match kind {
        Opacity::Separate => 1.0 - opacity * (1.0 - brightness),
        // More than white where a writer did not multiply.
        Opacity::Associated => (brightness + 1.0 - opacity).min(1.0),
    }
}

fn mix(red: f64, green: f64, blue: f64) -> f64 {
    SHARES[0] * red + SHARES[1] * green + SHARES[2] * blue
}

/// One channel of one pixel.
trait Sample: Copy {
    /// The value as 0 to 1.
    fn to_unit(self) -> f64;
}

impl Sample for u8 {
    fn to_unit(self) -> f64 {
        f64::from(self) / f64::from(Self::MAX)
    }
}

impl Sample for u16 {
    fn to_unit(self) -> f64 {
        f64::from(self) / f64::from(Self::MAX)
    }
}

impl Sample for f32 {
    /// Floats in a file may be anything: what is above the range is white, what is below it or NaN is black.
    fn to_unit(self) -> f64 {
        if self > 0.0 {
            f64::from(self.min(1.0))
        } else {
            0.0
        }
    }
}
