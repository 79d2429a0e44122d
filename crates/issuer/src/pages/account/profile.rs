//! The profile page, on which people edit the details that apps may see with their consent.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::attributes::{AttributeFault, Changes};
use crate::accounts::profile::{self, OwnAttribute, Profile};
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::oauth::form::Form;
use crate::oauth::standard_claims::StandardClaims;
use crate::pages::account::{Account, Tabs};
use crate::store::users::User;
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Page, html, see_other};

/// The name, label, input type, `autocomplete` value (HTML §4.10.18.7) and hint of each field.
const FIELDS: [(&str, &str, &str, &str, &str); 14] = [
    ("name", "Full name", "text", "name", ""),
    ("given_name", "Given name", "text", "given-name", ""),
    ("family_name", "Family name", "text", "family-name", ""),
    ("nickname", "Nickname", "text", "nickname", ""),
    ("birthdate", "Date of birth", "text", "bday", "For example: 1990-12-31."),
    ("website", "Website", "url", "url", "For example: https://example.com."),
    ("phone_number", "Phone number", "tel", "tel", "For example: +49 30 901820."),
    ("street_address", "Street address", "text", "street-address", ""),
    ("postal_code", "Postal code", "text", "postal-code", ""),
    ("locality", "City", "text", "address-level2", ""),
    ("region", "Region", "text", "address-level1", ""),
    ("country", "Country", "text", "country-name", ""),
    ("locale", "Language", "text", "language", "For example: en or de-AT."),
    ("zoneinfo", "Time zone", "text", "off", "For example: Europe/Berlin."),
];

struct Field {
    name: String,
    label: String,
    value: String,
    input_type: &'static str,
    autocomplete: &'static str,
    hint: String,
    error: String,
    /// `true` if there can be several values, one per line.
    lines: bool,
}

/// The prefix of the fields of attributes, so that no attribute takes the place of another field.
const ATTRIBUTE: &str = "attribute-";

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    page: Page,
    section: &'static str,
    tabs: Tabs,
    username: String,
    email: String,
    email_verified: bool,
    saved: bool,
    error: &'static str,
    fields: Vec<Field>,
    /// The labels and values of the attributes that only administrators change.
    facts: Vec<(String, String)>,
}

async fn page(browser: &Browser, user: User, fields: Vec<Field>, own: Vec<OwnAttribute>, saved: bool) -> Result<Response, PageError> {
    let faulty = fields.iter().any(|field| !field.error.is_empty());
    let page = ProfilePage {
        page: browser.page_of(user.id).await?,
        section: "profile",
        tabs: Tabs::of(&user),
        username: user.username,
        email: user.email.unwrap_or_default(),
        email_verified: user.email_verified,
        saved,
        error: if faulty { "Nothing was saved. Please correct these fields, then save again:" } else { "" },
        fields,
        facts: own.into_iter().filter(|own| !own.editable).map(|own| (own.row.display_name, own.values.join(", "))).collect(),
    };
    let mut response = html(&page, Csp::Own)?;
    if faulty {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

fn fields(value: impl Fn(&str) -> String, error: impl Fn(&str) -> String) -> Vec<Field> {
    let field = |(name, label, input_type, autocomplete, hint): (&str, &str, _, _, &str)| Field {
        name: name.to_owned(),
        label: label.to_owned(),
        value: value(name),
        input_type,
        autocomplete,
        hint: hint.to_owned(),
        error: error(name),
        lines: false,
    };
    FIELDS.into_iter().map(field).collect()
}

/// Returns a field for each attribute that the person may change. `typed` is what they typed; `None` shows what is stored.
fn attribute_fields(own: &[OwnAttribute], typed: Option<&Form>, faults: &[AttributeFault]) -> Vec<Field> {
    let field = |own: &OwnAttribute| {
        let name = format!("{ATTRIBUTE}{}", own.row.name);
        let fault = faults.iter().find(|fault| fault.name == own.row.name);
        Field {
            label: own.row.display_name.clone(),
            value: typed.map_or_else(|| own.values.join("\n"), |form| form.get(&name).unwrap_or_default().trim().to_owned()),
            input_type: "text",
            autocomplete: "off",
            hint: if own.row.multi_valued { "One value per line.".to_owned() } else { String::new() },
            error: fault.map(|fault| format!("Expected {}.", fault.expected)).unwrap_or_default(),
            lines: own.row.multi_valued,
            name,
        }
    };
    own.iter().filter(|own| own.editable).map(field).collect()
}

/// Returns the new values of the attributes that the person may change. A field that the form lacks changes nothing.
fn typed_attributes(own: &[OwnAttribute], form: &Form) -> Changes {
    let change = |own: &OwnAttribute| {
        let text = form.get(&format!("{ATTRIBUTE}{}", own.row.name))?;
        let values: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Some((own.row.name.clone(), Some(values.into())))
    };
    own.iter().filter(|own| own.editable).filter_map(change).collect()
}

/// `GET /account`: shows the form with the stored profile.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, Account(signed_in): Account) -> Result<Response, PageError> {
    let own = profile::own_attributes(&app, &signed_in.user).await?;
    let mut fields = stored(&signed_in.user);
    fields.extend(attribute_fields(&own, None, &[]));
    page(&browser, signed_in.user, fields, own, browser.noted() == "saved").await
}

fn stored(user: &User) -> Vec<Field> {
    let stored = StandardClaims::from_json(&user.claims);
    let value = |name: &str| if name == "name" { user.name.clone().unwrap_or_default() } else { stored.get(name).to_owned() };
    fields(value, |_| String::new())
}

/// `POST /account`: saves the profile, or shows the form again with the faults beside their fields.
pub async fn submit(State(app): State<Arc<App>>, Account(signed_in): Account, own: OwnForm) -> Result<Response, PageError> {
    let (OwnForm { browser, form }, user) = (own, signed_in.user);
    let typed = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let changes = FIELDS.iter().map(|(name, ..)| (*name, form.get(name).unwrap_or_default()));
    let own = profile::own_attributes(&app, &user).await?;
    let attributes = profile::check_attributes(&app, &own, &typed_attributes(&own, &form)).await?;
    match (Profile::of(&user, changes), attributes) {
        (Ok(profile), Ok(values)) => {
            profile::change(&app, &browser.actor(user.id), &user, &profile, values).await?;
            browser.note("saved");
            see_other(&app, "/account")
        }
        (profile, attributes) => {
            let (faults, of_attributes) = (profile.err().unwrap_or_default(), attributes.err().unwrap_or_default());
            let fault = |name: &str| faults.iter().find(|(claim, _)| *claim == name);
            let error = |name: &str| fault(name).map_or(String::new(), |(_, error)| format!("Expected {error}."));
            let mut fields = fields(typed, error);
            fields.extend(attribute_fields(&own, Some(&form), &of_attributes));
            page(&browser, user, fields, own, false).await
        }
    }
}
