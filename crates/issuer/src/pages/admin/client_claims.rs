//! The form of a claim that a client gets beside those of its scopes.

use axum::extract::Path;
use axum::response::Response;
use serde_json::Value;

use crate::admin::{Change, Fault, Faults, Refused, client_claims, clients};
use crate::oauth::client_claim::{ClaimSource, ClientClaim, MappedGroup, Shape, parse_default, written_default};
use crate::oauth::json;
use crate::pages::admin::client_told::in_words;
use crate::pages::admin::clients::{SECTION, path};
use crate::pages::admin::view::{Field, FormPage, Kind};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, commands, failed};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::Hidden;

/// Returns the empty form of a claim of the client `id`, which has this version. `stored` is the name of the claim that is changed; empty for a
/// new one.
async fn empty_form(admin: &Administrator, id: &str, version: i32, stored: &str) -> Result<FormPage, PageError> {
    let path = path(id);
    let sources = vec![
        ("groups", "The user's groups"),
        ("roles", "The user's roles"),
        ("user", "A field of the user"),
        ("attribute", "An attribute of the user"),
        ("group_map", "A value for the members of each group"),
        ("fixed", "The same value for everybody"),
    ];
    let shapes = Shape::ALL.map(|shape| (shape.as_str(), in_words(shape))).to_vec();
    let (lead, hidden) = match stored {
        "" => ("Each claim of a client has a name of its own.", Vec::new()),
        stored => ("To take the claim away, empty its name and save.", vec![Hidden::new("stored", stored)]),
    };
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::put_claim, id.to_owned())),
        heading: "A claim of the client".to_owned(),
        lead: lead.to_owned(),
        action: format!("{path}/claim"),
        version: Some(version),
        hidden,
        fields: vec![
            Field::new("claim", "Claim", Kind::Text).hint("The name that the application reads, such as groups."),
            Field::new("source", "Value", Kind::Choice(sources)),
            Field::new("field", "Field or attribute", Kind::Text).hint("For a field: username, email, sub, external_id, name, given_name."),
            Field::new("map", "Groups with their values", Kind::Lines)
                .hint(
                r"One per line, such as admins=Admin; admins==7 gives the number 7, or other JSON. The first that fits comes first. Write \= for a = that belongs to the name or the value.",
            ),
            Field::new("default", "Otherwise", Kind::Text).hint("The value for a user in none of these groups, or JSON after a =, such as =0; empty for no claim."),
            Field::new("value", "Fixed value", Kind::Text).hint("JSON, such as \"readonly\" or [1, 2]."),
            Field::new("shape", "Form", Kind::Choice(shapes)).hint("How several values are written, such as several groups."),
            Field::new("in_id_token", "In ID tokens", Kind::Check)
                .hint("The application reads it when somebody signs in, and at each refresh."),
            Field::new("in_userinfo", "In UserInfo", Kind::Check)
                .hint("The application asks the issuer for it at /userinfo, with its access token."),
        ],
        submit: "Save the claim",
        back: path,
        ..FormPage::default()
    })
}

/// `GET /admin/clients/{id}/claim`: shows the form of a claim.
pub async fn show(admin: Administrator, Path(id): Path<String>, query: PageQuery) -> Result<Response, PageError> {
    claim_form(&admin, &id, query.text("claim")).await?.respond()
}

/// Returns the form of the claim `name` of the client `id`, with what is saved; the form of a new claim if the client has none of this name.
async fn claim_form(admin: &Administrator, id: &str, name: &str) -> Result<FormPage, PageError> {
    let client = clients::show(&admin.reading(), id).await.map_err(failed)?;
    let claims = client_claims::list(&admin.reading(), id).await.map_err(failed)?;
    let stored = claims.into_iter().find(|claim| claim.claim == name);
    let form = empty_form(admin, id, client.version, stored.as_ref().map_or("", |claim| &claim.claim)).await?;
    let value = |name: &str| match (name, &stored) {
        ("in_id_token" | "in_userinfo", None) => "true".to_owned(),
        (_, None) => String::new(),
        ("claim", Some(claim)) => claim.claim.clone(),
        ("source", Some(claim)) => claim.source.name().to_owned(),
        ("shape", Some(claim)) => claim.shape.as_str().to_owned(),
        ("in_id_token", Some(claim)) => claim.in_id_token.to_string(),
        ("in_userinfo", Some(claim)) => claim.in_userinfo.to_string(),
        (name, Some(claim)) => match (name, &claim.source) {
            ("field", ClaimSource::User { field: name } | ClaimSource::Attribute { attribute: name }) => name.clone(),
            ("map", ClaimSource::GroupMap { map, .. }) => map.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            ("default", ClaimSource::GroupMap { default: Some(value), .. }) => written_default(value),
            ("value", ClaimSource::Fixed { value }) => value.to_string(),
            _ => String::new(),
        },
    };
    Ok(form.showing(value))
}

/// Reads the claim that was typed, without what cannot be read, which is among `faults`.
fn typed_claim(form: &AdminForm, faults: &mut Faults) -> ClientClaim {
    let source = match form.text("source").as_str() {
        "groups" => ClaimSource::Groups,
        "roles" => ClaimSource::Roles,
        "attribute" => ClaimSource::Attribute { attribute: form.text("field") },
        "group_map" => {
            let mut map = Vec::new();
            for line in form.lines("map") {
                match MappedGroup::parse(&line) {
                    Ok(entry) => map.push(entry),
                    Err(expected) => faults.add(Fault::new("map", format!("lines of {expected}")).found(line)),
                }
            }
            let default = form.optional("default").map(|text| parse_default(&text)).transpose();
            let default = default.unwrap_or_else(|expected| {
                faults.add(Fault::new("default", expected));
                None
            });
            ClaimSource::GroupMap { map, default }
        }
        "fixed" => {
            let value = json::parse(form.text("value").as_bytes()).unwrap_or_else(|error| {
                faults.add(Fault::new("value", format!("JSON, such as \"readonly\" with its quotes; {error}")));
                Value::Null
            });
            ClaimSource::Fixed { value }
        }
        _ => ClaimSource::User { field: form.text("field") },
    };
    ClientClaim {
        claim: form.text("claim"),
        source,
        shape: Shape::parse(&form.text("shape")).unwrap_or(Shape::First),
        in_id_token: form.is_checked("in_id_token"),
        in_userinfo: form.is_checked("in_userinfo"),
    }
}

/// A change of a claim.
#[derive(Clone)]
enum ClaimChange {
    /// The client gets the claim in the place of the one with the name `stored`, or beside its others if that is empty.
    Put { stored: String, claim: ClientClaim },
    /// The claim of this name is taken away.
    Remove(String),
}

impl ClaimChange {
    /// Reads the change that was typed. What cannot be read is among `faults`.
    fn typed(form: &AdminForm, faults: &mut Faults) -> Self {
        let stored = form.text("stored");
        if form.text("claim").is_empty() && !stored.is_empty() {
            Self::Remove(stored)
        } else {
            Self::Put { stored, claim: typed_claim(form, faults) }
        }
    }

    /// Makes the change, and says what follows from it.
    async fn make(self, change: &mut Change<'_>, id: &str) -> Result<String, Refused> {
        match self {
            Self::Put { stored, claim } => {
                let told = format!("The application is told the claim {} of everybody who signs in to it.", claim.claim);
                if stored == claim.claim {
                    client_claims::put(change, id, claim).await?;
                    return Ok(told);
                }
                if stored.is_empty() {
                    client_claims::add(change, id, claim).await?;
                    return Ok(told);
                }
                let lost = client_claims::remove(change, id, &stored).await?.in_words();
                change.expect_own_version();
                client_claims::add(change, id, claim).await?;
                Ok(format!("{told} {lost}"))
            }
            Self::Remove(claim) => Ok(client_claims::remove(change, id, &claim).await?.in_words()),
        }
    }
}

/// Shows the form again with the reason why it was refused.
async fn redraw(form: &AdminForm, id: &str, refused: Refused) -> Result<Response, PageError> {
    let refused = match refused {
        Refused::Invalid(faults) => Refused::Invalid(faults.into_iter().map(|fault| fault.shown_as("attribute", "field")).collect()),
        other => other,
    };
    form.refused(claim_form(&form.admin, id, &form.text("stored")).await?, refused)
}

/// `POST /admin/clients/{id}/claim`: gives the client a claim, or takes it away if its name was emptied. What is wrong is said before the
/// password is asked for.
pub async fn save(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let client = clients::show(&form.admin.reading(), &id).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(client.version) {
        return redraw(&form, &id, refused).await;
    }
    let mut faults = Faults::default();
    let typed = ClaimChange::typed(&form, &mut faults);
    let (actor, tried) = (form.admin.as_confirmed(), typed.clone());
    let tried = form.admin.try_out(&actor, |change| Box::pin(tried.make(change, &id))).await;
    let tried = if faults.is_empty() { tried } else { Err(faults.with_others(tried)) };
    let lead = match tried {
        Ok(lead) => lead,
        Err(refused) => return redraw(&form, &id, refused).await,
    };
    let submit = if matches!(typed, ClaimChange::Remove(_)) { "Take the claim away" } else { "Save the claim" };
    let asked = Confirmation {
        section: SECTION,
        heading: "Change what the application is told?".to_owned(),
        lead,
        path: format!("{}/claim", path(&id)),
        back: path(&id),
        submit,
        command: form.command_of(claim_form(&form.admin, &id, &form.text("stored")).await?),
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    match form.change_drawn(|change| Box::pin(typed.make(change, &id))).await {
        Ok(_) => form.admin.done("saved", &path(&id)),
        Err(refused) => redraw(&form, &id, refused).await,
    }
}
