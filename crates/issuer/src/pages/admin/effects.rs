//! The sentences that say who would gain and lose what, on the pages that ask before a change.

use crate::admin::preview::{self, Effect, Kind, Subject};
use crate::admin::{Change, Refused, Work};
use crate::audit::Actor;
use crate::pages::admin::Administrator;

impl Administrator {
    /// Returns the administrator as an actor who has just typed the password, for a preview. The page that shows it asks for the password
    /// before the change is made.
    pub(super) fn as_confirmed(&self) -> Actor {
        Actor { authenticated_at: Some(self.app.now()), ..self.actor.clone() }
    }

    /// Runs `work` as `actor` without keeping anything of it, and says what the users of `subject` would gain and lose.
    pub(super) async fn effects<'a, T>(
        &'a self,
        actor: &'a Actor,
        subject: &Subject,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<String, Refused> {
        let (_, preview) = preview::run(&self.app, actor, subject, work).await?;
        let mut sentences: Vec<String> = preview.effects.iter().map(sentence).collect();
        if sentences.is_empty() {
            sentences.push("No user gains or loses anything by this.".to_owned());
        }
        if !preview.complete {
            sentences.push(format!("More users are concerned; only {} of them were examined.", preview.examined));
        }
        Ok(sentences.join(" "))
    }
}

fn sentence(effect: &Effect) -> String {
    let Effect { kind, name, gained, count, users } = effect;
    let kind = match kind {
        Kind::Group => "group",
        Kind::Role => "role",
        Kind::Scope => "scope",
    };
    let (noun, verb) = match (*count == 1, gained) {
        (true, true) => ("user", "gains"),
        (true, false) => ("user", "loses"),
        (false, true) => ("users", "gain"),
        (false, false) => ("users", "lose"),
    };
    let more = if *count > users.len() { " and more" } else { "" };
    format!("{count} {noun} {verb} the {kind} {name}: {}{more}.", users.join(", "))
}
