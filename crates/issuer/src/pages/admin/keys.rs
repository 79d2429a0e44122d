//! The page of the signing keys.

use axum::response::Response;

use crate::admin::keys::{self, KeyView};
use crate::admin::{Listing, Operation};
use crate::pages::account::moment;
use crate::pages::admin::view::{Button, Cell, Detail, Section, Table};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Hidden, html};

const SECTION: &str = "Keys";
const PATH: &str = "/admin/keys";

/// `GET /admin/keys`: shows the key ring.
pub async fn list(admin: Administrator) -> Result<Response, PageError> {
    let ring = keys::list(&admin.reading()).await.map_err(failed)?;
    let mut sections = Vec::new();
    let row = |key: KeyView| {
        let signs = if key.revoked_at.is_some() { "–".to_owned() } else { moment(key.signs_from) };
        vec![
            Cell::text(key.kid),
            vec![Cell::badge(key.state, matches!(key.state, "active" | "published"))],
            Cell::text(moment(key.published_at)),
            Cell::text(signs),
        ]
    };
    let revocable: Vec<String> =
        ring.iter().filter(|key| key.state != "revoked" && key.state != "gone").map(|key| key.kid.clone()).collect();
    sections.push(Section {
        table: Some(Table::new(&["Key", "State", "Published", "Signs from"], "There are no keys.").filled(Listing::whole(ring), PATH, row)),
        ..Section::default()
    });
    if admin.may(Operation::KeyPublish) {
        sections.push(Section {
            title: "Rotate now",
            lead:
                "Keys rotate by themselves. A new key is published first and signs only when every service has read it, so that no token \
                   is refused."
                    .to_owned(),
            buttons: vec![Button::new("Publish a new key", PATH, "rotate")],
            ..Section::default()
        });
        let revoke = |kid: String| Button {
            about: String::new(),
            fields: vec![Hidden::new("action", "revoke"), Hidden::new("kid", &kid)],
            ..Button { about: kid.clone(), ..Button::new("Revoke", PATH, "revoke").danger() }
        };
        sections.push(Section {
            title: "Revoke",
            lead: "Only if the private part of a key may be known to somebody else. All tokens that it signed are refused.".to_owned(),
            table: None,
            buttons: revocable.into_iter().map(revoke).collect(),
            ..Section::default()
        });
    }
    let detail = Detail {
        frame: admin.frame(SECTION, "signet keys list").await?,
        heading: "Keys".to_owned(),
        lead: "Tokens are signed with the active key. A published key waits until every service has it; a retired key only verifies."
            .to_owned(),
        sections,
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

/// `POST /admin/keys`: publishes a new key, or revokes one.
pub async fn act(mut form: AdminForm) -> Result<Response, PageError> {
    let (action, kid) = (form.text("action"), form.text("kid"));
    let (heading, lead, submit) = match action.as_str() {
        "rotate" => (
            "Publish a new key?".to_owned(),
            "It signs as soon as every service has read it. The present key verifies on until its last token has expired.".to_owned(),
            "Publish a new key",
        ),
        "revoke" => (
            format!("Revoke the key {kid}?"),
            format!(
                "Everybody must sign in again at services that hold its tokens. Services with the verifier of this project refuse them \
                 within {} seconds; others keep the key for as long as their library does, so restart them.",
                form.admin.app.settings.jwks_max_age
            ),
            "Revoke the key",
        ),
        _ => return Err(PageError::stale_form()),
    };
    let asked = Confirmation { section: SECTION, heading, lead, path: PATH.to_owned(), back: PATH.to_owned(), submit };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    let key = admin.app.rotation().generate().map_err(PageError::from)?;
    if action == "rotate" {
        admin.change(move |change| Box::pin(keys::publish(change, key))).await.map_err(failed)?;
        admin.done("rotated", PATH)
    } else {
        admin.change(|change| Box::pin(keys::revoke(change, &kid, key))).await.map_err(failed)?;
        admin.done("revoked", PATH)
    }
}
