//! Hashes as Keycloak exports them: an object with `credentialData` and `secretData`, each of which is JSON in a string.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::HashError;
use super::function::Function;
use super::phc;

/// The members of an exported credential that are needed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    credential_data: String,
    secret_data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: HashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

/// Returns the text to store of an exported credential; `None` if it lacks a member.
pub(super) fn text(credential: &Value) -> Option<String> {
    serde_json::to_string(&Credential::deserialize(credential).ok()?).ok()
}

/// Parses the text that [`text`] returns.
pub(super) fn parse(text: &str) -> Result<(Function, Vec<u8>), HashError> {
    let Credential { credential_data, secret_data } = serde_json::from_str(text).map_err(|_| HashError::Form)?;
    let data: CredentialData = serde_json::from_str(&credential_data).map_err(|_| HashError::Form)?;
    let secret: SecretData = serde_json::from_str(&secret_data).map_err(|_| HashError::Form)?;
    let (salt, hash) = (phc::decode(&secret.salt)?, phc::decode(&secret.value)?);
    if data.algorithm != "argon2" {
        return Ok((Function::Pbkdf2 { hmac: phc::hmac(&data.algorithm)?, rounds: data.hash_iterations, salt }, hash));
    }
    let parameter = |name: &str| data.additional_parameters.get(name).and_then(|values| values.first()).map(String::as_str);
    let version = match parameter("version") {
        Some("1.3") => "19",
        Some("1.0") => "16",
        _ => return Err(HashError::Form),
    };
    let variant = format!("argon2{}", parameter("type").ok_or(HashError::Form)?);
    let number = |name: &str| phc::number(parameter(name).ok_or(HashError::Form)?);
    phc::argon2(&variant, version, [number("memory")?, data.hash_iterations, number("parallelism")?], salt, hash)
}
