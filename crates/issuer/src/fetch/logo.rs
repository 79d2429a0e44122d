//! Logos of clients. The issuer fetches a logo once, when the client registers, and serves it itself, so that no page loads
//! anything from another host. Only raster images are allowed, because other formats may carry scripts.

use imagesize::ImageType;

use crate::fetch::budget::Asker;
use crate::fetch::{FetchError, Fetcher};

/// The greatest width and height, in pixels.
const MAX_SIDE: usize = 2048;

/// A logo that was fetched and checked.
#[derive(Debug)]
pub struct Logo {
    /// The type that the content shows, whatever the server of the logo says.
    pub media_type: &'static str,
    /// The bytes of the image file.
    pub image: Vec<u8>,
}

/// Fetches the logo at `url` for `asker`. Fails if it is not a raster image of a known type, or is too large.
pub async fn fetch(fetcher: &Fetcher, url: &str, asker: Asker<'_>) -> Result<Logo, FetchError> {
    let image = fetcher.get(url, asker).await?;
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
