//! The resource owner password credentials grant (RFC 6749 §4.3), for first-party tools and for curl. OAuth 2.1 drops this grant,
//! so it is open only to clients that are registered for it, and attempts are counted to limit guessing.

use secrecy::SecretString;

use crate::accounts::lockout::{Guesser, Known};
use crate::accounts::methods::{Enrolled, Evidence};
use crate::accounts::requirement::{self, Requirement, Step};
use crate::accounts::sign_in::{self, Checked, Settlement};
use crate::clock::{DAY, UnixSeconds};
use crate::grants::{self, Grant, GrantContext, Settled, changed_meanwhile, insert, new_row};
use crate::oauth::access::Access;
use crate::oauth::error::OAuthError;
use crate::store::authorizations::AuthorizationRow;
use crate::store::users;
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::{Authorization, Party};

/// For this many seconds the grant accepts a generated password. By then the user should have chosen their own.
const GENERATED_LIFETIME: UnixSeconds = DAY;

/// Inserts the authorization, if the password was not changed while it was compared.
#[derive(Debug)]
pub struct Redemption {
    settlement: Settlement,
    evidence: Evidence,
    /// That of the user whose password was right.
    credential_version: i32,
}

pub(super) async fn run(context: GrantContext<'_>) -> Result<(Authorization, Redemption), OAuthError> {
    let GrantContext { app, client, now, .. } = context;
    let username = context.required("username")?;
    let password = SecretString::from(context.required("password")?);
    let requested_scope = context.requested_scope()?;
    let resource = context.named_resource().await?;
    let known = (!client.public).then(|| Known::Client(client.id.clone()));
    let guesser = Guesser { address: context.request.address, known };
    let Checked { user, evidence, settlement } = match context.earlier {
        Some(grants::Redemption::Password(earlier)) => earlier.again(context).await?,
        _ => sign_in::check(app, username, password, guesser, &context.actor(), now).await?,
    };
    let enrolment_may_wait = user.password_generated_at.is_some_and(|at| at + GENERATED_LIFETIME > now);
    let required = Requirement { enrolment_may_wait, ..Requirement::default() };
    let Step::Done(proven) = requirement::next(&evidence, &Enrolled::of(&user), &required) else {
        settlement.withdraw(&app.store).await?;
        let reason = "the password was right, but the user must take another step first, such as replacing a generated password";
        return Err(OAuthError::invalid_grant().because(reason));
    };

    let requested = requested_scope.clone().unwrap_or_else(|| default_scopes(client, resource.named()));
    let granted = narrow(&requested, client, Some(&user));
    let row = AuthorizationRow {
        user_id: user.id,
        scope: granted.to_string(),
        // A refresh that names no resource gets tokens for the same one (RFC 8707 §2.2).
        resources: resource.named().map(|named| named.identifier(&app.settings.issuer)).unwrap_or_default(),
        auth_time: proven.evidence().auth_time(),
        acr: proven.acr().to_owned(),
        amr: proven.evidence().amr(),
        may_use: client.access == Access::Everyone || users::may_use(app.store.reader(), user.id, &client.id).await?,
        ..new_row(app, client, now)
    };
    let redemption = Redemption { settlement, evidence, credential_version: user.credential_version };
    let party = Party::User(Box::new((*user, row)));
    Ok((Authorization { party, granted, requested_scope, resource, nonce: None }, redemption))
}

impl Redemption {
    /// Returns the user as they are now, without another comparison of the password: that would cost as much as a sign-in each time that
    /// somebody changes what the user may do.
    async fn again(&self, context: GrantContext<'_>) -> Result<Checked, OAuthError> {
        let GrantContext { app, now, .. } = context;
        let user = users::with_scopes(app.store.reader(), self.evidence.user()).await?;
        let Some(user) = user.filter(|user| user.credential_version == self.credential_version) else {
            sign_in::record_failure(app, Some(self.evidence.user()), &context.actor(), now).await?;
            return Err(OAuthError::invalid_grant().because("the user was disabled or removed, or the password was changed meanwhile"));
        };
        Ok(Checked { user: Box::new(user), evidence: self.evidence.clone(), settlement: self.settlement.clone() })
    }

    /// Takes the attempt off the counters, since the password was right although no tokens can be given.
    pub(super) async fn withdraw(&self, context: GrantContext<'_>) -> Result<(), OAuthError> {
        Ok(self.settlement.withdraw(&context.app.store).await?)
    }

    pub(super) async fn settle(&self, context: GrantContext<'_>, authorization: &Authorization) -> Result<Settled, OAuthError> {
        let Some(parties) = authorization.user() else { return Err(OAuthError::invalid_grant()) };
        let user = &parties.0;
        let transaction = context.app.store.begin().await?;
        // The settlement comes first, because it locks the counters before the user. The order of locks is stated in store/mod.rs.
        self.settlement.settle(&transaction, user).await?;
        sign_in::note(&transaction, user, context.now).await?;
        if let Some(settled) = insert(transaction, context, parties, Grant::Password).await? {
            return Ok(settled);
        }
        sign_in::record_failure(context.app, Some(user.id), &context.actor(), context.now).await?;
        Err(changed_meanwhile())
    }
}
