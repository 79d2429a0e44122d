//! `application_type` (OpenID Connect Dynamic Client Registration §2).

use serde::{Deserialize, Serialize};

/// Where the client runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// On a server, or in a browser.
    #[default]
    Web,
    /// On a person's own device.
    Native,
}
