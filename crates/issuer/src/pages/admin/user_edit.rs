//! The form of a user: everything but the id, the password, the groups and the roles.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;
use uuid::Uuid;

use crate::accounts::username;
use crate::admin::attributes::{self, AttributeView};
use crate::admin::patch::Patch;
use crate::admin::permission::require_over;
use crate::admin::users::{self, UserPatch, UserView};
use crate::admin::{Fault, Operation, Refused, Window};
use crate::oauth::attribute_type::{AttributeType, texts};
use crate::oauth::standard_claims::TEXT_CLAIMS;
use crate::pages::admin::commands::{self, ATTRIBUTE};
use crate::pages::admin::users::{SECTION, path};
use crate::pages::admin::view::{Field, FormPage, Kind};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed};
use crate::web::error::page::PageError;

/// Returns the attributes that are declared. Their number is bounded.
async fn declared(admin: &Administrator) -> Result<Vec<AttributeView>, PageError> {
    let all = Window { after: None, limit: 200 };
    Ok(attributes::list(&admin.reading(), &all).await.map_err(failed)?.items)
}

/// Returns the standard claims that have a field of their own, which the full name is no part of.
fn claims() -> impl Iterator<Item = &'static str> {
    TEXT_CLAIMS.into_iter().filter(|claim| *claim != "name")
}

/// Returns the name of a standard claim as people read it.
fn label(claim: &str) -> &str {
    match claim {
        "given_name" => "Given name",
        "family_name" => "Family name",
        "middle_name" => "Middle name",
        "nickname" => "Nickname",
        "profile" => "Address of a page about them",
        "picture" => "Address of a picture",
        "website" => "Website",
        "gender" => "Gender",
        "birthdate" => "Date of birth, such as 1990-12-31",
        "zoneinfo" => "Time zone, such as Europe/Berlin",
        "locale" => "Language, such as de-AT",
        "phone_number" => "Phone number",
        "street_address" => "Street address",
        "locality" => "City",
        "region" => "Region",
        "postal_code" => "Postal code",
        "country" => "Country",
        other => other,
    }
}

fn field_of(attribute: &AttributeView) -> Field {
    let kind = if attribute.multi_valued {
        Kind::Lines
    } else if attribute.value_type == AttributeType::Boolean {
        Kind::Choice(vec![("", "–"), ("true", "true"), ("false", "false")])
    } else {
        Kind::Text
    };
    let hint = if attribute.multi_valued { "The attribute {}. One value per line." } else { "The attribute {}." };
    Field::new(format!("{ATTRIBUTE}{}", attribute.name), attribute.display_name.clone(), kind).hint(hint.replace("{}", &attribute.name))
}

/// Returns the form of `user`, with what is saved.
async fn page(admin: &Administrator, user: &UserView, declared: &[AttributeView]) -> Result<FormPage, PageError> {
    let path = path(&user.username);
    let email = if admin.may(Operation::UserEditEverything) {
        "If an address that was verified is replaced, the new one is not. Save it first, and then say that it is known to belong to the user."
    } else {
        "A new address is not verified."
    };
    let mut fields = vec![Field::new("name", "Full name", Kind::Text), Field::new("email", "Email address", Kind::Text).hint(email)];
    if admin.may(Operation::UserEditEverything) {
        fields.insert(0, Field::new("username", "Username", Kind::Text).hint("The old username is never given to somebody else."));
        fields.push(Field::new("email_verified", "The address is known to belong to the user", Kind::Check));
        fields.push(
            Field::new("external_id", "External id", Kind::Text).hint("The id in the system that manages your users, if there is one."),
        );
        fields.extend(declared.iter().map(field_of));
        fields.extend(claims().map(|claim| Field::new(claim, label(claim), Kind::Text).hint(format!("The claim {claim}."))));
    }
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::edit_user, user.username.clone())),
        heading: format!("Change {}", user.username),
        lead: "Applications see the new values at the next refresh. The id stays, by which they know the user.".to_owned(),
        action: format!("{path}/edit"),
        version: Some(user.version),
        fields,
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    let value = |name: &str| match name {
        "username" => user.username.clone(),
        "name" => user.name.clone().unwrap_or_default(),
        "email" => user.email.clone().unwrap_or_default(),
        "email_verified" => user.email_verified.to_string(),
        "external_id" => user.external_id.clone().unwrap_or_default(),
        other => match other.strip_prefix(ATTRIBUTE) {
            Some(attribute) => user.attributes.get(attribute).and_then(texts).unwrap_or_default().join("\n"),
            None => user.claims.get(other).cloned().unwrap_or_default(),
        },
    };
    Ok(form.showing(value))
}

/// `GET /admin/users/{username}/edit`: shows the form.
pub async fn show(admin: Administrator, Path(username): Path<String>) -> Result<Response, PageError> {
    let user = users::show(&admin.reading(), &username).await.map_err(failed)?;
    require_over(&admin.reading(), user.id).await.map_err(failed)?;
    page(&admin, &user, &declared(&admin).await?).await?.respond()
}

/// `POST /admin/users/{username}/edit`: changes the user, or shows the form again with the faults beside their fields. That an address is
/// verified is confirmed with the password.
pub async fn save(Path(username): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let user = users::show(&form.admin.reading(), &username).await.map_err(failed)?;
    let declared = declared(&form.admin).await?;
    let command = form.command_of(page(&form.admin, &user, &declared).await?);
    let asked = verifying(&user.username, &form.text("email"), command.clone());
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    let optional = |name: &str| form.optional(name).map_or(Patch::Clear, Patch::Set);
    let mut patch = UserPatch { name: optional("name"), email: optional("email"), ..UserPatch::default() };
    if admin.may(Operation::UserEditEverything) {
        patch.username = Patch::Set(form.text("username"));
        // A box that was ticked for the address before says nothing about a new one.
        let is_new = form.optional("email") != user.email;
        patch.email_verified = Patch::Set(form.is_checked("email_verified") && !(is_new && user.email_verified));
        patch.external_id = optional("external_id");
        patch.claims = Patch::Set(claims().map(|claim| (claim.to_owned(), Some(form.text(claim)))).collect::<BTreeMap<_, _>>());
        // A value that the administrator leaves as it is shown is not set, so that nobody vouches unseen for what the user typed.
        let value = |attribute: &AttributeView| {
            let values = form.lines(&format!("{ATTRIBUTE}{}", attribute.name));
            let stored = user.attributes.get(&attribute.name).and_then(texts).unwrap_or_default();
            (values != stored).then(|| (attribute.name.clone(), Some(values.into())))
        };
        patch.attributes = Patch::Set(declared.iter().filter_map(value).collect());
    }
    let id = user.id;
    let new = username::normalize(&form.text("username"));
    if !patch.username.keeps() && new != user.username {
        let (actor, tried) = (admin.as_confirmed(), patch.clone());
        let tried = match form.require_drawn_from(user.version) {
            Ok(()) => admin.try_out(&actor, |change| Box::pin(users::edit(change, id, tried, None))).await,
            Err(stale) => Err(stale),
        };
        if let Err(refused) = tried {
            return redraw(&form, id, &declared, refused).await;
        }
        if let Some(page) = form.agreed(renaming(&user.username, &new, command)).await? {
            return Ok(page);
        }
    }
    let actor = form.careful_actor();
    match form.attempt_drawn(&actor, |change| Box::pin(users::edit(change, id, patch, None))).await {
        Ok(user) => form.admin.done("saved", &path(&user.username)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Err(refused) => redraw(&form, id, &declared, refused).await,
    }
}

/// Returns what a page says before the address `email` of the user `username` counts as verified.
fn verifying(username: &str, email: &str, command: String) -> Confirmation {
    Confirmation {
        section: SECTION,
        heading: format!("Is the address of {username} verified?"),
        lead: format!("Applications trust that {email} belongs to {username}, and may give them its rights."),
        path: format!("{}/edit", path(username)),
        back: path(username),
        submit: "Save",
        command,
    }
}

/// Returns what a page says before the user `old` gets the username `new`.
fn renaming(old: &str, new: &str, command: String) -> Confirmation {
    Confirmation {
        section: SECTION,
        heading: format!("Give {old} the username {new}?"),
        lead: format!(
            "From now on they sign in as {new}. Applications that know people by their username (preferred_username) take {new} for somebody \
             else until somebody changes them, too; those that know people by their id (sub) notice nothing. The username {old} is never \
             given to anybody else."
        ),
        path: format!("{}/edit", path(old)),
        back: path(old),
        submit: "Save",
        command,
    }
}

/// Shows the form of the user `id` again, with the reason why it was refused.
async fn redraw(form: &AdminForm, id: Uuid, declared: &[AttributeView], refused: Refused) -> Result<Response, PageError> {
    let user = users::show_by_id(&form.admin.reading(), id).await.map_err(failed)?;
    let drawn = page(&form.admin, &user, declared).await?;
    let Refused::Invalid(faults) = refused else { return form.refused(drawn, refused) };
    let (of_attributes, others): (Vec<Fault>, Vec<Fault>) = faults.into_iter().partition(|fault| fault.field == "attributes");
    let mut drawn = form.redrawn(drawn).with_faults(&others);
    for fault in of_attributes {
        let named = fault.expected.strip_prefix("for ").and_then(|rest| rest.split_once(": "));
        let (name, expected) = named.unwrap_or(("", &fault.expected));
        drawn = drawn.with_fault_at(&format!("{ATTRIBUTE}{name}"), expected);
    }
    drawn.respond()
}
