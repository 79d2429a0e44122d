//! Forms that were refused, and the version that the form of an object carries: the one that it was drawn from. A form whose object was changed
//! since is refused, so that no administrator overwrites what another one saved without having seen it. The page that a button leads to, which
//! asks first, carries the version that it shows.

use axum::response::Response;

use crate::admin::{Change, Fault, Refused, Work, change_expecting};
use crate::audit::Actor;
use crate::pages::admin::view::{Detail, FormPage, Section};
use crate::pages::admin::{AdminForm, failed};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, html};

impl AdminForm {
    /// Returns the version of the object that the form was drawn from. A form that carries none counts as stale.
    pub(super) fn version(&self) -> Result<i32, Refused> {
        self.text("version").parse().map_err(|_| Refused::Stale)
    }

    /// Fails with [`Refused::Stale`] if the form was drawn from another version than `current`, so that no page asks to confirm what would
    /// then be refused.
    pub(super) fn require_drawn_from(&self, current: i32) -> Result<(), Refused> {
        if self.version()? == current { Ok(()) } else { Err(Refused::Stale) }
    }

    /// Lets the page that asks first carry `current`, the version of the object that it shows. If the form comes from such a page which showed
    /// another version, that page asks once more, so that nobody agrees to what they did not see.
    pub(super) fn show_version(&mut self, current: i32) {
        let comes_from_it = self.is_confirmation() || self.form.get("agreed").is_some();
        self.overtaken = comes_from_it && self.version().ok() != Some(current);
        self.shown = Some(current);
    }

    /// Returns the message for a page that asks once more; empty if it asks for the first time.
    pub(super) fn overtaken(&self) -> String {
        if !self.overtaken {
            return String::new();
        }
        "This form was not used: an earlier click of yours or somebody else changed it meanwhile. Read what follows from it now, and confirm it again.".to_owned()
    }

    /// Returns the answer to a removal that was confirmed, but that somebody else, or the same form before, has made already: it is done.
    pub(super) fn removed_already(&self, refused: Refused, list: &str) -> Result<Response, PageError> {
        match refused {
            Refused::NotFound { .. } if self.is_confirmation() => self.admin.done("removed", list),
            other => Err(failed(other)),
        }
    }

    /// Returns the answer to a form that was confirmed, and that would add what was added since the form asked for the password, such as by an
    /// earlier click. `lead` says what was shown in the answer to that, and `link` leads to what was added.
    pub(super) async fn added_already(
        &self,
        section: &'static str,
        name: &str,
        lead: &str,
        link: (&'static str, String),
    ) -> Result<Response, PageError> {
        let detail = Detail {
            frame: self.admin.frame(section, "").await?,
            heading: format!("{name} was added already"),
            lead: format!("An earlier click of yours or somebody else was first, and this form changed nothing. {lead}"),
            sections: vec![Section { links: vec![link], ..Section::default() }],
            ..Detail::default()
        };
        html(&detail, Csp::Own)
    }

    /// Runs one operation in a transaction of its own. It fails with [`Refused::Stale`] if the object is not of the version that the form was
    /// drawn from.
    pub(super) async fn change_drawn<'a, T>(&'a self, work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>) -> Result<T, Refused> {
        self.attempt_drawn(&self.admin.actor, work).await
    }

    /// Does the same as [`AdminForm::change_drawn`], by `actor`, such as one that [`AdminForm::careful_actor`] made.
    pub(super) async fn attempt_drawn<'a, T>(
        &'a self,
        actor: &'a Actor,
        work: impl for<'c> FnOnce(&'c mut Change<'a>) -> Work<'c, T>,
    ) -> Result<T, Refused> {
        change_expecting(&self.admin.app, actor, Some(vec![self.version()?]), work).await
    }

    /// Returns `page`, which shows the object as it is saved, with what was typed and the version that the form was drawn from.
    pub(super) fn redrawn(&self, page: FormPage) -> FormPage {
        let version = page.version.and_then(|_| self.version().ok());
        FormPage { version, ..page.filled(|name| self.typed(name)) }
    }

    /// Returns the command that does what `page`, which shows the object as it is saved, would do with what was typed.
    pub(super) fn command_of(&self, page: FormPage) -> String {
        self.redrawn(page).command_line()
    }

    fn typed(&self, name: &str) -> String {
        self.form.get(name).unwrap_or_default().to_owned()
    }

    /// Shows `page` again with what was typed and the reason why the operation was refused. If the object was changed since the form was
    /// drawn, the page tells what is saved now, and can be saved over it.
    pub(super) fn refused(&self, page: FormPage, refused: Refused) -> Result<Response, PageError> {
        match refused {
            Refused::Stale => {
                let error =
                    "This form was not used: an earlier click of yours or somebody else changed it meanwhile. What you typed is below. \
                             Beside each field that is saved with another value you read that value. Save again to put yours in its place."
                        .to_owned();
                FormPage { error, ..page.filled_over_saved(|name| self.typed(name)) }.respond()
            }
            other => explained(self.redrawn(page), other),
        }
    }
}

/// Shows `page` with the reason why the operation was refused, beside the fields at fault if it is about fields.
pub(super) fn explained(page: FormPage, refused: Refused) -> Result<Response, PageError> {
    match refused {
        Refused::Invalid(faults) => page.with_faults(&faults).respond(),
        Refused::Taken(taken) => page.with_faults(&taken.into_iter().map(Fault::from).collect::<Vec<_>>()).respond(),
        Refused::Conflict(reason) | Refused::Protected(reason) => {
            FormPage { error: format!("This form changed nothing: {reason}."), ..page }.respond()
        }
        other => Err(failed(other)),
    }
}
