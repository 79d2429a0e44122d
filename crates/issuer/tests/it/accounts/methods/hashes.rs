//! Hashes that other systems made are right for their passwords, and are replaced at the first sign-in. The files of hashes, and the programs
//! that made them with those systems, are in tests/foreign_hashes.

use serde_json::{Value, json};
use signet_issuer::accounts::methods::hashes::StoredHash;
use signet_issuer::accounts::methods::password::{self, Comparison};

use crate::support::TestApp;

/// A hash with the password that it is of, as a foreign tool made it.
struct Foreign {
    tool: String,
    password: String,
    /// Other passwords that the tool accepts.
    accepts: Vec<String>,
    hash: Value,
}

fn foreign() -> Vec<Foreign> {
    let files = [include_str!("../../../foreign_hashes/python.jsonl"), include_str!("../../../foreign_hashes/java.jsonl")];
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let accepts = line["accepts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
        Foreign { tool: text("tool"), password: text("password"), accepts, hash: line["hash"].clone() }
    };
    let all: Vec<Foreign> = files.iter().flat_map(|file| file.lines()).map(read).collect();
    assert!(all.len() > 60, "{}", all.len());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_of_other_systems_are_right_for_their_passwords_alone() {
    let app = TestApp::new().await;
    for Foreign { tool, password, accepts, hash } in foreign() {
        let stored = StoredHash::parse(&StoredHash::import(&hash).unwrap()).unwrap();
        let compare = async |typed: &str| password::compare(&app.app, typed.into(), Some(stored.clone())).await.unwrap();
        for right in accepts.iter().chain([&password]) {
            let Comparison::Same { rehashed } = compare(right).await else { panic!("{tool}: {right:?}") };
            // A strong hash of our own form stays as it is.
            let stays = hash.as_str().is_some_and(|text| text.starts_with("$argon2id$v=19$"));
            assert_eq!(rehashed.is_none(), stays, "{tool}");
            assert!(rehashed.is_none_or(|new| new.starts_with("{opaque}$argon2id$v=19$m=64,")), "{tool}");
        }
        let wrong: String = password.chars().skip(1).collect();
        assert_eq!(compare(&wrong).await, Comparison::Different, "{tool}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_hash_is_replaced_at_the_first_sign_in() {
    let app = TestApp::with(|settings| settings.account_attempts = 1000).await.with_orders().await;
    let cheap = |tool: &str| ["scrypt", "argon2", "Keycloak", "bcrypt 4", "PHP", "pbkdf2_sha512"].iter().any(|kind| tool.contains(kind));
    for (number, Foreign { password, hash, tool, .. }) in foreign().into_iter().filter(|foreign| cheap(&foreign.tool)).enumerate() {
        if password.contains('\0') || tool.contains("Django") || tool.ends_with(" ID") {
            continue;
        }
        let username = format!("user{number}");
        app.add_user_with_hash(&username, &["clerk"], StoredHash::import(&hash).unwrap()).await;
        assert_eq!(app.try_password(&username, "something else", "").await.status, 400, "{tool}");
        assert_eq!(app.try_password(&username, &password, "").await.status, 200, "{tool}");
        let stored = signet_issuer::store::users::row(app.app.store.reader(), &username).await.unwrap().unwrap().password_hash.unwrap();
        assert!(stored.starts_with("{opaque}$argon2id$v=19$m=64,"), "{tool}: {stored}");
        assert_eq!(app.try_password(&username, &password, "").await.status, 200, "{tool}");
    }
}

#[test]
fn hashes_out_of_bounds_are_refused_with_what_is_expected() {
    let b64 = |length: usize| base64::Engine::encode(&base64::prelude::BASE64_STANDARD_NO_PAD, vec![7; length]);
    let (salt, hash) = (b64(16), b64(32));
    let bcrypt = &"$2b$12$LLYWIR7NX2rvjXxACu.S4.sNi8QJCujLYYLcTpR4sr6SSHikIUPF2"[7..];
    let keycloak = |data: &str| {
        let secret = format!(r#"{{"value":"{hash}","salt":"{salt}"}}"#);
        json!({ "credentialData": data, "secretData": secret })
    };
    let argon2 = |memory: u32| {
        format!(
            r#"{{"hashIterations":1,"algorithm":"argon2","additionalParameters":{{"memory":["{memory}"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}}}"#
        )
    };
    for (within, beyond, expected) in [
        (
            json!(format!("$scrypt$ln=17,r=7,p=1${salt}${hash}")),
            json!(format!("$scrypt$ln=17,r=8,p=1${salt}${hash}")),
            "scrypt of at most 128 MiB",
        ),
        (json!(format!("$scrypt$ln=16,r=8,p=8${salt}${hash}")), json!(format!("$scrypt$ln=16,r=8,p=9${salt}${hash}")), "N·r·p"),
        (json!(format!("$scrypt$ln=16,r=8,p=1${salt}${hash}")), json!(format!("$scrypt$ln=300,r=8,p=1${salt}${hash}")), "scrypt of"),
        (
            json!(format!("$scrypt$ln=16,r=8,p=1${salt}${hash}")),
            json!(format!("$scrypt$ln=63,r=4294967295,p=4294967295${salt}${hash}")),
            "scrypt of",
        ),
        (json!(format!("$pbkdf2-sha256$2000000${salt}${hash}")), json!(format!("$pbkdf2-sha256$2000001${salt}${hash}")), "2000000 rounds"),
        (
            json!(format!("$pbkdf2-sha256$i=1,l=32${salt}${hash}")),
            json!(format!("$pbkdf2-sha256$i=0,l=32${salt}${hash}")),
            "2000000 rounds",
        ),
        (json!(format!("$pbkdf2-sha256$i=1,l=32${salt}${hash}")), json!(format!("$pbkdf2-sha256$i=1,l=31${salt}${hash}")), "a whole hash"),
        (json!(format!("$pbkdf2-sha256$1${}${hash}", b64(8))), json!(format!("$pbkdf2-sha256$1${}${hash}", b64(7))), "salt of 8"),
        (json!(format!("$pbkdf2-sha256$1${salt}${}", b64(16))), json!(format!("$pbkdf2-sha256$1${salt}${}", b64(15))), "digest of 16"),
        (json!(format!("$pbkdf2-sha256$1${salt}${}", b64(64))), json!(format!("$pbkdf2-sha256$1${salt}${}", b64(65))), "digest of 16"),
        (json!(format!("$2b$14${bcrypt}")), json!(format!("$2b$15${bcrypt}")), "bcrypt of cost 4 to 14"),
        (json!(format!("$2y$04${bcrypt}")), json!(format!("$2b$03${bcrypt}")), "bcrypt of cost 4 to 14"),
        (json!(format!("{{bcrypt}}$2a$10${bcrypt}")), json!(format!("$2x$10${bcrypt}")), "$2a$, $2b$ or $2y$"),
        (
            json!(format!("$argon2i$v=16$m=131072,t=4,p=1${salt}${hash}")),
            json!(format!("$argon2i$v=16$m=131072,t=5,p=1${salt}${hash}")),
            "Argon2 of",
        ),
        (keycloak(&argon2(131_072)), keycloak(&argon2(131_073)), "Argon2 of at most 131072 KiB"),
        (json!(format!("pbkdf2_sha256$1$saltsalt${hash}")), json!(format!("pbkdf2_sha256$1$saltsal${hash}")), "salt of 8"),
        (json!(format!("scrypt$16384$saltsalt$8$1${hash}")), json!(format!("scrypt$16383$saltsalt$8$1${hash}")), "scrypt of"),
    ] {
        assert!(StoredHash::import(&within).is_ok(), "{within}");
        let error = StoredHash::import(&beyond).unwrap_err().to_string();
        assert!(error.contains(expected), "{beyond}: {error}");
    }
    for unknown in [
        json!("{noop}password"),
        json!("{MD5}5f4dcc3b5aa765d61d8327deb882cf99"),
        json!("{pbkdf2}12"),
        json!("{pbkdf2}zz"),
        json!("{pbkdf2}éé"),
        json!("{argon2}{argon2}"),
        json!("{"),
        json!("{}"),
        json!("!unusable"),
        json!("md5$salt$hash"),
        json!("argon2$"),
        json!("$"),
        json!(format!("$2b$12${}", "é".repeat(26))),
        json!("{opaque}$2b$12$LLYWIR7NX2rvjXxACu.S4.sNi8QJCujLYYLcTpR4sr6SSHikIUPF2"),
        json!(format!("$argon2id$v=19$t=1,m=64,p=1${salt}${hash}")),
        json!(format!("$argon2id$v=19$m=64,t=1,p=1,data=aaaa${salt}${hash}")),
        json!({ "credentialData": "{}", "secretData": "{}" }),
        keycloak(r#"{"hashIterations":1,"algorithm":"md5"}"#),
        json!(12),
        json!(null),
        json!([]),
    ] {
        assert!(StoredHash::import(&unknown).is_err(), "{unknown}");
    }
}

#[test]
fn the_debug_form_of_a_hash_shows_neither_salt_nor_digest() {
    let stored = StoredHash::parse("$2b$12$LLYWIR7NX2rvjXxACu.S4.sNi8QJCujLYYLcTpR4sr6SSHikIUPF2").unwrap();
    assert_eq!(format!("{stored:?}"), "StoredHash { own: false, .. }");
}
