//! The form that gives a client a new secret and says when the current one ends, and the page that shows a secret once.

use axum::extract::Path;
use axum::response::Response;

use crate::admin::Operation;
use crate::admin::clients::{self, OldSecret};
use crate::admin::presets::Paste;
use crate::clock::DAY;
use crate::pages::admin::clients::{SECTION, path};
use crate::pages::admin::view::{Detail, Field, FormPage, Kind, Section};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, commands, failed};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, html};

/// The ends that the current secret may have, by the value of the form.
const ENDS: [(&str, &str); 4] = [("next", "at the next rotation"), ("week", "in 7 days"), ("day", "in 24 hours"), ("now", "at once")];

/// `GET /admin/clients/{id}/secret`: asks when the current secret ends.
pub async fn show(admin: Administrator, Path(id): Path<String>) -> Result<Response, PageError> {
    form_of(&admin, &id).await?.filled(|_| "week".to_owned()).respond()
}

async fn form_of(admin: &Administrator, id: &str) -> Result<FormPage, PageError> {
    let client = clients::show(&admin.reading(), id).await.map_err(failed)?;
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::rotate_secret, id.to_owned())),
        heading: format!("Give {} a new secret", client.client_name),
        lead:
            "The new secret is shown once. Until the current one ends, both are good, so that the application can be changed without a gap."
                .to_owned(),
        action: format!("{}/secret", path(id)),
        fields: vec![Field::new("old", "The current secret ends", Kind::Choice(ENDS.to_vec()))],
        submit: "Make a new secret",
        back: path(id),
        ..FormPage::default()
    })
}

/// `POST /admin/clients/{id}/secret`: makes a new secret and shows it.
pub async fn rotate(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let client = clients::show(&form.admin.reading(), &id).await.map_err(failed)?;
    form.show_version(client.version);
    let (old, ends) = match form.text("old").as_str() {
        "next" => (OldSecret::UntilNextRotation, ENDS[0].1),
        "week" => (OldSecret::EndsIn(7 * DAY), ENDS[1].1),
        "day" => (OldSecret::EndsIn(DAY), ENDS[2].1),
        "now" => (OldSecret::EndsNow, ENDS[3].1),
        _ => return Err(PageError::stale_form()),
    };
    let path = path(&id);
    let command = form.command_of(form_of(&form.admin, &id).await?);
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Give a new secret to {}?", client.client_name),
        lead: format!("The current secret ends {ends}. An older one, if there is one, ends at once."),
        path: format!("{path}/secret"),
        back: path.clone(),
        submit: "Make a new secret",
        command: command.clone(),
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    let secret = form.change_drawn(|change| Box::pin(clients::rotate_secret(change, &id, old))).await.map_err(failed)?;
    let heading = format!("The new secret of {}", client.client_name);
    shown_once(admin, &id, Shown { heading, secret: Some(&secret), command, ..Shown::default() }).await
}

/// What a page shows once: the secret of a client, and the lines to paste into the application.
#[derive(Default)]
pub(super) struct Shown<'a> {
    pub heading: String,
    /// `None` if the client has no secret.
    pub secret: Option<&'a str>,
    /// Says how the lines were tried.
    pub proof: &'a str,
    pub paste: &'a [Paste],
    /// The command that did the same from a shell.
    pub command: String,
}

/// Shows the secret of the client `id` and the lines to paste into the application. No cache may keep the page.
pub(super) async fn shown_once(admin: &Administrator, id: &str, shown: Shown<'_>) -> Result<Response, PageError> {
    let Shown { heading, secret, proof, paste, command } = shown;
    let path = path(id);
    let mut sections = Vec::new();
    if let Some(secret) = secret {
        let lead = "Copy it now. It is not shown again.".to_owned();
        sections.push(Section { title: "Client secret", lead, text: secret.to_owned(), ..Section::default() });
    }
    for paste in paste {
        let lead = format!("{}. {proof}", paste.place);
        sections.push(Section { title: "To paste into the application", lead, text: paste.text.clone(), ..Section::default() });
    }
    let mut links = vec![("Go to the client", path.clone())];
    if admin.may(Operation::ClientTry) && !paste.is_empty() {
        links.push(("Try what it is told", format!("{path}/try")));
    }
    sections.push(Section { links, ..Section::default() });
    let frame = admin.frame(SECTION, command).await?;
    html(&Detail { frame, heading, badges: Vec::new(), lead: String::new(), sections }, Csp::Own)
}
