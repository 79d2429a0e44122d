//! The client metadata member `application_type` (OpenID Connect Dynamic Client Registration §2).

use serde::{Deserialize, Serialize};

/// The kind of place in which the client runs. It decides which redirect URIs the client may register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    /// The client runs on a server or in a browser.
    #[default]
    Web,
    /// The client is installed on a user's own device.
    Native,
}
