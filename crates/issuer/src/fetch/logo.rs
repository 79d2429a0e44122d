//! Logos of clients: fetched once, when a client registers, and served by the issuer, so that no page loads anything from
//! elsewhere. Raster images only: others may carry scripts.

use imagesize::ImageType;

use crate::fetch::{FetchError, Fetcher};

/// The largest side, in pixels.
const MAX_SIDE: usize = 2048;

/// A logo.
#[derive(Debug)]
pub struct Logo {
    /// By its content, whatever its server says.
    pub media_type: &'static str,
    /// The file.
    pub image: Vec<u8>,
}

/// Fetches the logo at `url`.
pub async fn fetch(fetcher: &Fetcher, url: &str) -> Result<Logo, FetchError> {
    let image = fetcher.get(url).await?;
    let unexpected = FetchError::Unexpected("a PNG, JPEG, GIF or WebP image of at most 2048 x 2048 pixels");
    let media_type = match imagesize::image_type(&image) {
        Ok(ImageType::Png) => "image/png",
        Ok(ImageType::Jpeg) => "image/jpeg",
        Ok(ImageType::Gif) => "image/gif",
        Ok(ImageType::Webp) => "image/webp",
        _ => return Err(unexpected),
    };
    match imagesize::blob_size(&image) {
        Ok(size) if size.width <= MAX_SIDE && size.height <= MAX_SIDE => Ok(Logo { media_type, image }),
        _ => Err(unexpected),
    }
}
