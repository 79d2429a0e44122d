//! The page that shows what a client would be told of a user.

use axum::extract::Path;
use axum::response::Response;

use crate::admin::trial::{self, TrialRequest, TriedClaim, TriedPlace};
use crate::admin::words::{counted, thousands};
use crate::admin::{Fault, Listing, Refused, clients};
use crate::pages::admin::clients::{SECTION, path};
use crate::pages::admin::view::{Cell, Detail, Field, FormPage, Frame, Kind, Section, Table};
use crate::pages::admin::{Administrator, commands, failed};
use crate::tokens::claims_length::MAX_CLAIMS_BYTES;
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

/// `GET /admin/clients/{id}/try`: shows what the client would be told of a user. Nothing is signed and nobody is signed in.
pub async fn show(admin: Administrator, Path(id): Path<String>, query: PageQuery) -> Result<Response, PageError> {
    let client = clients::show(&admin.reading(), &id).await.map_err(failed)?;
    let path = path(&id);
    let fields = vec![
        Field::new("user", "Username", Kind::Text),
        Field::new("scope", "Scopes", Kind::Text).hint(
            "Separated by spaces, such as openid email groups. Empty for the client's scopes of its default resource, or of OpenID Connect \
             if it has none.",
        ),
        Field::new("resource", "Resource", Kind::Text)
            .hint("The identifier of the service that the access token is for; empty for the default."),
    ];
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::try_client, id.clone())),
        heading: format!("Try what {} is told", client.client_name),
        lead: "Shows the claims of the ID token, of UserInfo and of the access token, and why others are missing. Nobody is signed in."
            .to_owned(),
        action: format!("{path}/try"),
        fields,
        submit: "Try",
        back: path.clone(),
        ..FormPage::default()
    };
    let form = form.filled(|name| query.text(name).to_owned());
    let user = query.text("user").to_owned();
    if user.is_empty() {
        return form.by_get().respond();
    }
    let some = |name: &str| Some(query.text(name).to_owned()).filter(|text| !text.is_empty());
    let scopes_lead = if query.text("scope").is_empty() { "No scope was named, so these were tried." } else { "" };
    let request = TrialRequest { client_id: id, username: user.clone(), scope: some("scope"), resource: some("resource") };
    let tried = match trial::run(&admin.reading(), &request).await {
        Ok(tried) => tried,
        Err(Refused::Invalid(faults)) => {
            let faults: Vec<Fault> = faults.into_iter().map(|fault| fault.shown_as("username", "user")).collect();
            return form.by_get().with_faults(&faults).respond();
        }
        Err(refused) => return Err(failed(refused)),
    };
    let scopes = Table::new(&["Scope", "Outcome"], "No scope was asked for.").filled(Listing::whole(tried.scopes), "", |scope| {
        vec![Cell::text(scope.scope), scope.missing.map_or_else(|| vec![Cell::badge("granted", true)], Cell::text)]
    });
    let mut sections = vec![Section { title: "Scopes", lead: scopes_lead.to_owned(), table: Some(scopes), ..Section::default() }];
    for place in tried.places {
        let row = |claim: TriedClaim| {
            let value = claim.value.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
            let why = claim.why();
            vec![Cell::text(claim.claim), Cell::text(value), Cell::text(why)]
        };
        let lead = lead(&place);
        let rows = Table::new(&["Claim", "Value", "From"], "Nothing.").filled(Listing::whole(place.claims), "", row);
        sections.push(Section { title: place.place, lead, table: Some(rows), ..Section::default() });
    }
    sections.push(Section { links: vec![("Try another", format!("{path}/try")), ("Back to the client", path)], ..Section::default() });
    let heading = format!("What {} is told of {}", client.client_name, user);
    let badge = Cell::badge(if tried.may_sign_in { "may sign in" } else { "could not sign in" }, tried.may_sign_in);
    let lead = match tried.obstacles.as_slice() {
        [] => format!("{user} may sign in to {}, and it would be told this.", client.client_name),
        obstacles => {
            format!("{user} could not sign in to {}. {} If they could, it would be told this.", client.client_name, obstacles.join(" "))
        }
    };
    let frame = Frame { command: form.command_line(), ..form.frame };
    html(&Detail { frame, heading, badges: vec![badge], lead, sections }, Csp::Own)
}

/// Says how long a place is, and whether it would be issued.
fn lead(place: &TriedPlace) -> String {
    let bytes = |number| counted(number, "byte", "bytes");
    let about = format!("{} of JSON, {} of them about the user", bytes(place.bytes), thousands(place.user_bytes));
    match (place.token_bytes, &place.refused) {
        (Some(size), Some(reason)) => {
            format!("This token would not be issued: {reason}. It would have {}; its claims are {about}.", bytes(size))
        }
        (Some(size), None) => {
            let most = thousands(MAX_CLAIMS_BYTES);
            format!("The token has {}. Its claims are {about}; at most {most} about the user are issued.", bytes(size))
        }
        (None, _) => format!("The answer is {about}."),
    }
}
