//! The sentences that say who would gain and lose what, on the pages that ask before a change.

use axum::response::Response;

use crate::admin::preview::{self, Effect, Kind, NAMED, Preview, Subject};
use crate::admin::scope_losses::ScopeLoss;
use crate::admin::words::counted;
use crate::admin::{Change, Refused, Work, groups};
use crate::audit::Actor;
use crate::pages::admin::shell::Line;
use crate::pages::admin::{AdminForm, Administrator, Confirmation};
use crate::web::error::page::PageError;

impl Administrator {
    /// Returns the administrator as an actor who has just typed the password, for a preview. The page that shows it asks for the password
    /// before the change is made.
    pub(super) fn as_confirmed(&self) -> Actor {
        Actor { authenticated_at: Some(self.app.now()), ..self.actor.clone() }
    }

    /// Runs `work` as `actor` without keeping anything of it, and returns its value. Fails as the change itself would, so that no page asks to
    /// confirm what cannot be done.
    pub(super) async fn try_out<'a, T>(
        &'a self,
        actor: &'a Actor,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<T, Refused> {
        preview::run(&self.app, actor, &Subject::Users(Vec::new()), work).await.map(|(value, _)| value)
    }

    /// Runs `work` as `actor` without keeping anything of it, and says what the users of `subject` would gain and lose.
    pub(super) async fn effects<'a, T>(
        &'a self,
        actor: &'a Actor,
        subject: &Subject,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<String, Refused> {
        preview::run(&self.app, actor, subject, work).await.map(|(_, preview)| in_words(&preview))
    }
}

/// Says what users gain and lose by a change, and how many of the tokens that were given are refused after it.
pub(super) fn in_words(preview: &Preview) -> String {
    let mut sentences: Vec<String> = preview.scopes.iter().flatten().map(losses).collect();
    sentences.extend(preview.effects.iter().map(sentence));
    let examined = preview.examined;
    match (preview.is_idle(), preview.complete) {
        (true, true) => sentences.push("The roles, groups and applications of users stay as they are.".to_owned()),
        (true, false) => sentences
            .push(format!("Of the {} examined, nobody gains or loses anything.", counted(examined, "user who was", "users who were"))),
        (false, _) => {}
    }
    sentences.extend(tokens(preview));
    let clients = preview.clients.as_deref().unwrap_or_default();
    sentences.extend(clients.iter().take(NAMED).map(|own| format!("The client {} uses the group: {}.", own.client_id, own.how())));
    if clients.len() > NAMED {
        sentences.push("More clients use it; the page of the group lists them.".to_owned());
    }
    if !preview.complete {
        sentences.push(format!(
            "More users may be concerned; only {} examined, so that the numbers may be higher.",
            counted(examined, "was", "were")
        ));
    }
    sentences.join(" ")
}

/// Says how many authorizations end by a change, and of how many others the access tokens are refused.
pub(super) fn tokens(preview: &Preview) -> Vec<String> {
    let mut sentences = Vec::new();
    match preview.authorizations {
        0 => {}
        1 => sentences.push("One authorization, with its refresh token, gives no more tokens.".to_owned()),
        several => sentences.push(format!("{several} authorizations, with their refresh tokens, give no more tokens.")),
    }
    // A redundant role that is taken away refuses tokens too, although nobody loses anything by it.
    if preview.refused_tokens > 0 {
        let of = match preview.refused_tokens {
            1 => "one authorization".to_owned(),
            several => format!("{several} authorizations"),
        };
        sentences.push(format!(
            "The access tokens of {of} are refused at once. An application that can refresh gets new ones by itself; others ask people to sign \
             in again."
        ));
    }
    sentences
}

/// Says who loses a scope by a change of the resource that owns it.
fn losses(loss: &ScopeLoss) -> String {
    let ScopeLoss { scope, role_count, roles, client_count, clients } = loss;
    let named = |count: usize, names: &[String]| names.join(", ") + if count > names.len() { " and more" } else { "" };
    let roles = match role_count {
        0 => None,
        1 => Some(format!("The role {} loses the scope {scope}.", named(1, roles))),
        several => Some(format!("The roles {} lose the scope {scope}.", named(*several, roles))),
    };
    let clients = match client_count {
        0 => None,
        1 => Some(format!("The application {} may no longer ask for {scope}.", named(1, clients))),
        several => Some(format!("The applications {} may no longer ask for {scope}.", named(*several, clients))),
    };
    let sentences: Vec<String> = roles.into_iter().chain(clients).collect();
    if sentences.is_empty() { format!("No role holds the scope {scope}, and no application may ask for it.") } else { sentences.join(" ") }
}

fn sentence(effect: &Effect) -> String {
    let Effect { kind, name, gained, count, users } = effect;
    let kind = match kind {
        Kind::Group => "group",
        Kind::Role => "role",
        Kind::Scope => "scope",
        Kind::Client => "application",
    };
    let who = if *gained { counted(count, "user gains", "users gain") } else { counted(count, "user loses", "users lose") };
    let more = if *count > users.len() { " and more" } else { "" };
    format!("{who} the {kind} {name}: {}{more}.", users.join(", "))
}

/// The outcome of a change of members.
pub(super) enum Members {
    /// A page asks first.
    Asked(Response),
    Refused(Refused),
    Changed,
}

impl AdminForm {
    /// Adds the users `add` to the group `name` and takes the users `remove` out of it, after a page that says who gains and loses what.
    /// That page asks for the password if a scope of administration is granted. The form is posted to `path`; `back` is where "Cancel" leads.
    /// The caller has called [`AdminForm::show_version`] with the version of the group.
    pub(super) async fn change_members(
        &mut self,
        (section, path, back): (&'static str, String, String),
        name: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Members, PageError> {
        let subject = Subject::Users(add.iter().chain(remove).cloned().collect());
        let careful = self.careful_actor();
        let tried = self.admin.effects(&careful, &subject, |change| Box::pin(groups::change_members(change, name, add, remove))).await;
        let (grants, effects) = match tried {
            Err(Refused::StaleAuthentication) => {
                let actor = self.admin.as_confirmed();
                let again =
                    self.admin.effects(&actor, &subject, |change| Box::pin(groups::change_members(change, name, add, remove))).await;
                (true, again)
            }
            tried => (false, tried),
        };
        let lead = match effects {
            Ok(effects) => effects,
            Err(refused) => return Ok(Members::Refused(refused)),
        };
        let heading = match (add.len(), remove.len()) {
            (1, 0) => format!("Add {} to the group {name}?", add[0]),
            (number, 0) => format!("Add {} to the group {name}?", counted(number, "user", "users")),
            _ => format!("Change the members of the group {name}?"),
        };
        let command = Line::new("group members").operand(name).each("--add", add).each("--remove", remove).into();
        let asked = Confirmation { section, heading, lead, path, back, submit: "Change the members", command };
        let page = if grants || self.is_confirmation() { self.confirmed(asked).await? } else { self.agreed(asked).await? };
        if let Some(page) = page {
            return Ok(Members::Asked(page));
        }
        let changed = self.change_drawn(|change| Box::pin(groups::change_members(change, name, add, remove))).await;
        Ok(changed.map_or_else(Members::Refused, |_| Members::Changed))
    }
}
