//! Reads settings from the file, the environment and the flags, and describes errors in them.

use std::path::Path;

use figment::error::{Actual, Kind};
use figment::providers::{Env, Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use ipnet::IpNet;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::config::error::found;
use crate::config::{ConfigError, DEFAULT_FILE, Flag, KEY_BITS, Settings, ranges};

const PREFIX: &str = "SIGNET_";

/// The settings that one source gives as text. The type of each setting decides whether its text is a number or a word.
struct Texts {
    source: &'static str,
    values: Dict,
}

impl Texts {
    fn new(source: &'static str, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        // Files and secrets from which the values are taken usually end with a line end.
        let value = |value: String| Value::from(value.trim_end_matches(['\r', '\n']));
        Self { source, values: pairs.into_iter().map(|(name, text)| (name, value(text))).collect() }
    }
}

impl Provider for Texts {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// Merges all sources. By increasing rank, these are `file` (or [`DEFAULT_FILE`] if it exists), the environment and `flags`.
pub(super) fn read(file: Option<&Path>, flags: &[Flag]) -> Result<Figment, ConfigError> {
    let given = match file {
        Some(path) if !path.is_file() => {
            return Err(ConfigError::Unreadable(format!("{}: expected a settings file", path.display())));
        }
        Some(path) => Figment::from(Toml::file_exact(path)),
        // A broken link at this path is reported as an error, so the link itself is looked at and not its target.
        None if Path::new(DEFAULT_FILE).symlink_metadata().is_ok() => Figment::from(Toml::file_exact(DEFAULT_FILE)),
        None => Figment::new(),
    };
    let environment = Env::prefixed(PREFIX).ignore(&["config"]);
    let environment = environment.iter().map(|(name, value)| (name.into_string(), value));
    let environment = environment.filter(|(name, value)| !is_of_kubernetes(&name.to_uppercase(), value)).collect::<Vec<_>>();
    let flags = flags.iter().map(|(name, value)| (name.replace('-', "_"), value.clone()));
    Ok(given.merge(Texts::new("the environment", environment)).merge(Texts::new("the flags", flags)))
}

/// Returns whether `name`, without [`PREFIX`], is a variable that Kubernetes sets in every pod for a service named `signet`, or for one whose
/// name begins with `signet-`: `SIGNET_SERVICE_HOST`, `SIGNET_SERVICE_PORT`, `SIGNET_PORT` and those that begin like them. The values are
/// looked at too, so that no misspelt setting is ignored.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_protocol = |text: &str| ["TCP", "UDP", "SCTP"].contains(&text);
    let is_address = || value.parse::<std::net::IpAddr>().is_ok();
    let is_url = || value.split_once("://").is_some_and(|(scheme, _)| is_protocol(&scheme.to_uppercase()));
    let words: Vec<&str> = name.split('_').collect();
    // The words before `SERVICE` or `PORT` are the rest of the name of the service.
    (0..words.len()).any(|at| match &words[at..] {
        ["SERVICE", "HOST"] => is_address(),
        ["SERVICE", "PORT", ..] => is_number(value),
        ["PORT"] => is_url(),
        ["PORT", port, protocol, rest @ ..] if is_number(port) && is_protocol(protocol) => match rest {
            [] => is_url(),
            ["PROTO"] => is_protocol(&value.to_uppercase()),
            ["PORT"] => is_number(value),
            ["ADDR"] => is_address(),
            _ => false,
        },
        _ => false,
    })
}

/// The names that other servers have for settings of this one.
const OTHER_NAMES: [(&str, &str); 7] = [
    ("port", "listen"),
    ("host", "listen"),
    ("bind", "listen"),
    ("public_url", "issuer"),
    ("base_url", "issuer"),
    ("url", "issuer"),
    ("dsn", "database_url"),
];

/// Returns the name in `known` that `name` was probably meant to be. `None` if none is similar.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if let Some((_, ours)) = OTHER_NAMES.iter().find(|(theirs, _)| *theirs == name) {
        return Some(ours);
    }
    let similar = known.iter().map(|known| (strsim::jaro_winkler(name, known), *known)).filter(|(similarity, _)| *similarity > 0.8);
    similar.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known)
}

/// Makes one line that names each setting that cannot be read, and what was expected. The `defaults` are the examples.
pub(super) fn explain(errors: Error, defaults: &Settings) -> ConfigError {
    let line = |error: Error| {
        let source = error.metadata.as_ref().map_or(String::new(), |metadata| match &metadata.source {
            Some(file) => format!(" (in {file})"),
            None => format!(" (in {})", metadata.name),
        });
        let name = error.path.join(".").to_lowercase();
        match error.kind {
            Kind::UnknownField(name, known) => {
                let name = name.to_lowercase();
                let nearest = nearest(&name, known).map_or(String::new(), |nearest| format!("; the nearest is {nearest}"));
                format!("setting {name}: there is no such setting{source}{nearest}")
            }
            Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
                format!("setting {name}: expected {}; found {}{source}", in_words(&name, &expected, defaults), without_type(&actual))
            }
            Kind::UnknownVariant(value, expected) => {
                let expected = expected.join(if expected.len() > 2 { ", " } else { " or " });
                format!("setting {name}: expected {expected}; found {}{source}", found(&value))
            }
            // The TOML parser quotes the whole line, which may hold a password, so only its first line, the place, is repeated.
            Kind::Message(text) if name.is_empty() => format!("settings: {}{source}", text.lines().next().unwrap_or_default()),
            kind => format!("setting {name}: {kind}{source}"),
        }
    };
    ConfigError::Unreadable(errors.into_iter().map(line).collect::<Vec<_>>().join("; "))
}

/// Returns what was found as it was written, without the name of its type, which only programmers know, and without secrets.
fn without_type(actual: &Actual) -> String {
    match actual {
        Actual::Str(value) => found(value),
        Actual::Bool(value) => value.to_string(),
        Actual::Unsigned(value) => value.to_string(),
        Actual::Signed(value) => value.to_string(),
        Actual::Float(value) => value.to_string(),
        Actual::Char(value) => value.to_string(),
        other => other.to_string(),
    }
}

/// Says what was expected of the setting `name`. `expected` is the name that the parser has for it.
fn in_words(name: &str, expected: &str, defaults: &Settings) -> String {
    match expected {
        "a boolean" | "bool" => "true or false".to_owned(),
        _ if name == "key_bits" => KEY_BITS.to_owned(),
        other => ranges::expected(name, defaults).unwrap_or_else(|| other.to_owned()),
    }
}

/// Reads the value of `listen`.
pub(super) fn address_and_port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<std::net::SocketAddr, D::Error> {
    let text: String = serde::Deserialize::deserialize(deserializer)?;
    let address = text.parse().ok().filter(|address: &std::net::SocketAddr| address.port() != 0);
    address.ok_or_else(|| {
        de::Error::custom(format!("expected an address and a port other than 0, such as 127.0.0.1:8080; found {}", found(&text)))
    })
}

/// Reads the value of `trusted_proxies`: a list of networks, or one text in which commas separate them.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<IpNet>>, D::Error> {
    deserializer.deserialize_any(Networks)
}

struct Networks;

impl Networks {
    fn one<E: de::Error>(text: &str) -> Result<IpNet, E> {
        let text = text.trim().trim_matches('"');
        let one = text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        one.map_err(|_| E::custom(format!("expected networks or addresses such as 10.0.0.0/8 or 127.0.0.1; found {}", found(text))))
    }
}

impl<'de> Visitor<'de> for Networks {
    type Value = Option<Vec<IpNet>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("networks such as 10.0.0.0/8, separated by commas")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        text.split(',').filter(|part| !part.trim().is_empty()).map(Self::one).collect::<Result<_, _>>().map(Some)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut networks = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            networks.push(Self::one(&text)?);
        }
        Ok(Some(networks))
    }
}
