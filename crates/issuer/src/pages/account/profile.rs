//! The profile page, on which people edit the details that apps may see with their consent.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::accounts::profile::{self, Profile};
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::oauth::standard_claims::StandardClaims;
use crate::pages::account::Account;
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
    name: &'static str,
    label: &'static str,
    value: String,
    input_type: &'static str,
    autocomplete: &'static str,
    hint: &'static str,
    error: String,
}

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    page: Page,
    section: &'static str,
    forced: bool,
    username: String,
    email: String,
    email_verified: bool,
    saved: bool,
    error: &'static str,
    fields: Vec<Field>,
}

async fn page(browser: &Browser, user: User, fields: Vec<Field>, saved: bool) -> Result<Response, PageError> {
    let faulty = fields.iter().any(|field| !field.error.is_empty());
    let page = ProfilePage {
        page: browser.page().await?,
        section: "profile",
        forced: false,
        username: user.username,
        email: user.email.unwrap_or_default(),
        email_verified: user.email_verified,
        saved,
        error: if faulty { "Nothing was saved. Please correct these fields, then save again:" } else { "" },
        fields,
    };
    let mut response = html(&page, Csp::Own)?;
    if faulty {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

fn fields(value: impl Fn(&str) -> String, error: impl Fn(&str) -> String) -> Vec<Field> {
    let field = |(name, label, input_type, autocomplete, hint)| Field {
        name,
        label,
        value: value(name),
        input_type,
        autocomplete,
        hint,
        error: error(name),
    };
    FIELDS.into_iter().map(field).collect()
}

/// `GET /account`: shows the form with the stored profile.
pub async fn show(browser: Browser, Account(signed_in): Account) -> Result<Response, PageError> {
    let fields = stored(&signed_in.user);
    page(&browser, signed_in.user, fields, browser.noted() == "saved").await
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
    match Profile::of(&user, changes) {
        Ok(profile) => {
            profile::change(&app, &browser.actor(user.id), &user, &profile).await?;
            browser.note("saved");
            see_other(&app, "/account")
        }
        Err(faults) => {
            let fault = |name: &str| faults.iter().find(|(claim, _)| *claim == name);
            let error = |name: &str| fault(name).map_or(String::new(), |(_, error)| format!("Expected {error}."));
            page(&browser, user, fields(typed, error), false).await
        }
    }
}
