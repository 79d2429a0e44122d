//! What an empty database is given, in the transaction that migrates it: the first signing key, the built-in resources
//! with their scopes, the role and the user `admin`, and the public client `cli`.

use secrecy::SecretString;

use crate::accounts::password::Hasher;
use crate::app::OpenError;
use crate::clock::{Clock, UnixSeconds};
use crate::config::CLI;
use crate::config::Settings;
use crate::grants::Grant;
use crate::keys::ring::Ring;
use crate::keys::rotation::NewKey;
use crate::keys::seal::MasterKeys;
use crate::oauth::scope::{ADMIN_SCOPES, OIDC_SCOPES};
use crate::store::clients::{self, ClientRow};
use crate::store::resources::{self, ISSUER, ResourceRow, ScopeRow, USERINFO};
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, StoreError, roles, signing_keys};

/// The user, and the role, of the first start.
pub const ADMIN: &str = "admin";

/// Letters and digits that are not mistaken for each other; 32, so that each stands for five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The first administrator, whose password is shown once.
#[derive(Debug)]
pub struct Administrator {
    /// The user name.
    pub username: &'static str,
    /// The password, 120 random bits.
    pub password: SecretString,
}

/// What takes long, made before the transaction.
pub struct FirstStart {
    master: MasterKeys,
    key: NewKey,
    admin: UserRow,
    password: SecretString,
}

impl FirstStart {
    /// Makes the master key file, the first signing key, and the administrator's password.
    pub async fn prepare(settings: &Settings, hasher: &Hasher, clock: &dyn Clock) -> Result<Self, OpenError> {
        let master = MasterKeys::create(&settings.keys_dir, clock)?;
        let key = tokio::task::block_in_place(|| NewKey::generate(settings.key_bits, &master, clock))?;
        let password = SecretString::from(random_password(clock));
        let hash = hasher.hash(password.clone()).await.map_err(|error| OpenError::Hasher(format!("hash_threads: {error}")))?;
        let now = clock.now();
        let admin = UserRow {
            id: clock.random_uuid(),
            username: ADMIN.to_owned(),
            email: None,
            email_verified: false,
            name: Some("Administrator".to_owned()),
            password_hash: Some(hash),
            created_at: now,
            updated_at: now,
            disabled_at: None,
            claims: "{}".to_owned(),
            password_generated_at: Some(now),
            credential_version: 0,
        };
        Ok(Self { master, key, admin, password })
    }

    /// Inserts all of it.
    pub async fn insert(self, db: &impl ConnectionTrait, now: UnixSeconds) -> Result<(MasterKeys, Administrator), OpenError> {
        note_master(db, &self.master).await?;
        // Nobody has a JWKS yet, so the first key may sign at once.
        signing_keys::insert(db, self.key.into_row(&Ring::default(), now, now)).await?;
        insert_resource(db, ISSUER, "Signet", &ADMIN_SCOPES, now).await?;
        insert_resource(db, USERINFO, "Your profile", &OIDC_SCOPES, now).await?;

        let admin_scopes: Vec<String> = ADMIN_SCOPES.iter().map(|(name, _)| (*name).to_owned()).collect();
        roles::insert(db, ADMIN, &admin_scopes, now).await?;
        let id = self.admin.id;
        users::insert(db, self.admin).await?;
        roles::give(db, id, ADMIN).await?;

        let cli = ClientRow {
            id: CLI.to_owned(),
            name: "Command line".to_owned(),
            public: true,
            grants: format!("{} {}", Grant::Password.name(), Grant::RefreshToken.name()),
            redirect_uris: String::new(),
            default_resource: Some(ISSUER.to_owned()),
            secret_hash: None,
            previous_secret_hash: None,
            created_at: now,
            disabled_at: None,
            auth_method: None,
            require_pkce: true,
            first_party: true,
            metadata: "{}".to_owned(),
            registration_token_hash: None,
        };
        let scopes: Vec<String> = ADMIN_SCOPES.iter().chain(&OIDC_SCOPES).map(|(name, _)| (*name).to_owned()).collect();
        clients::insert(db, cli, &scopes, &[]).await?;
        Ok((self.master, Administrator { username: ADMIN, password: self.password }))
    }
}

async fn insert_resource(
    db: &impl ConnectionTrait,
    id: &str,
    name: &str,
    scopes: &[(&str, &str)],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let resource = ResourceRow { id: id.to_owned(), identifier: None, name: name.to_owned(), token_lifetime: None, created_at: now };
    let scopes = scopes.iter().map(|(name, description)| ScopeRow {
        name: (*name).to_owned(),
        resource_id: id.to_owned(),
        description: (*description).to_owned(),
    });
    resources::insert(db, resource, scopes.collect()).await
}

/// Notes which master keys the database is sealed under.
pub async fn note_master(db: &impl ConnectionTrait, master: &MasterKeys) -> Result<(), StoreError> {
    for (version, fingerprint) in master.fingerprints() {
        signing_keys::note_master(db, version, fingerprint).await?;
    }
    Ok(())
}

fn random_password(clock: &dyn Clock) -> String {
    let bytes = clock.random_bytes::<24>();
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}
