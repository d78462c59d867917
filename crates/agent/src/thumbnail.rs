//! A small picture of this machine's screen, where there is one that may be looked at: X11 by the
//! display in the environment. Everywhere else there is none, and that is no error.

use jumpdeck_protocol::inventory::Thumbnail;
use serde_bytes::ByteBuf;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt, ImageFormat, ImageOrder, Screen};
use x11rb::rust_connection::RustConnection;

/// How large the picture is, in pixels.
const SIZE: (u16, u16) = (64, 36);

/// A screen that can be looked at.
pub(crate) struct Camera {
    connection: RustConnection,
    screen: usize,
}

impl Camera {
    /// The screen of the display in the environment, if there is one.
    pub(crate) fn open() -> Option<Self> {
        std::env::var_os("DISPLAY").filter(|display| !display.is_empty())?;
        let (connection, screen) = x11rb::connect(None).ok()?;
        Some(Self { connection, screen })
    }

    /// The screen as it is now.
    pub(crate) fn shoot(&self) -> Option<Thumbnail> {
        let screen = self.connection.setup().roots.get(self.screen)?;
        let (width, height) = SIZE;
        let mut rgb = Vec::with_capacity(usize::from(width) * usize::from(height) * 3);
        for row in 0..height {
            rgb.extend(self.row(screen, row)?);
        }
        Some(Thumbnail { width, height, rgb: ByteBuf::from(rgb) })
    }

    /// A row of the picture: the means of the parts of one line of the screen.
    fn row(&self, screen: &Screen, row: u16) -> Option<Vec<u8>> {
        let (wide, high) = (screen.width_in_pixels, screen.height_in_pixels);
        let line = u32::from(high) * (2 * u32::from(row) + 1) / (2 * u32::from(SIZE.1));
        let line = i16::try_from(line).ok()?;
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, screen.root, 0, line, wide, 1, u32::MAX)
            .ok()?
            .reply()
            .ok()?;
        // Pixels of 32 bits with eight for each colour: what every X server of today has.
        let pixels: Vec<[u8; 3]> = match (image.depth, self.connection.setup().image_byte_order) {
            (24 | 32, ImageOrder::LSB_FIRST) => {
                image.data.as_chunks::<4>().0.iter().map(|[b, g, r, _]| [*r, *g, *b]).collect()
            }
            (24 | 32, ImageOrder::MSB_FIRST) => {
                image.data.as_chunks::<4>().0.iter().map(|[_, r, g, b]| [*r, *g, *b]).collect()
            }
            _ => return None,
        };
        if pixels.len() < usize::from(wide) {
            return None;
        }
        let columns = usize::from(SIZE.0);
        let part = |column: usize| {
            let (from, to) =
                (pixels.len() * column / columns, pixels.len() * (column + 1) / columns);
            mean(pixels.get(from..to.max(from + 1)).unwrap_or_default())
        };
        Some((0..columns).flat_map(part).collect())
    }
}

fn mean(pixels: &[[u8; 3]]) -> [u8; 3] {
    let count = u32::try_from(pixels.len()).unwrap_or(u32::MAX).max(1);
    [0, 1, 2].map(|part| {
        let sum: u32 =
            pixels.iter().filter_map(|pixel| pixel.get(part)).map(|p| u32::from(*p)).sum();
        u8::try_from(sum / count).unwrap_or(u8::MAX)
    })
}
