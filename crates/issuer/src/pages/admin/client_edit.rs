//! The form that changes a client.

use axum::extract::Path;
use axum::response::Response;
use serde_json::{Map, Value};

use crate::admin::Refused;
use crate::admin::clients::{self, ClientView};
use crate::admin::edit_client::{self, ClientEdit, ClientPatch, Edited};
use crate::admin::patch::Patch;
use crate::admin::preview::Subject;
use crate::fetch::budget::Asker;
use crate::oauth::access::Access;
use crate::oauth::application_type::ApplicationType;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::{is_administration, words};
use crate::pages::admin::client_form::{FLAGS, URLS, fields, grant_types, jwks};
use crate::pages::admin::client_secrets::shown_once;
use crate::pages::admin::clients::{SECTION, path};
use crate::pages::admin::view::FormPage;
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed, shell};
use crate::web::error::page::PageError;

/// Returns the form of the client `id`, with what is saved.
async fn edit_form(admin: &Administrator, id: &str) -> Result<FormPage, PageError> {
    let client = clients::show(&admin.reading(), id).await.map_err(failed)?;
    let path = path(id);
    let form = FormPage {
        frame: admin.frame(SECTION, shell::line("client edit", &[id], "--name NAME --add-redirect-uri URI")).await?,
        heading: "Change the client".to_owned(),
        lead: id.to_owned(),
        action: format!("{path}/edit"),
        version: Some(client.version),
        fields: fields(),
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    Ok(form.filled(|name| of_view(name, &client)))
}

/// Returns the value of a field of an existing client.
fn of_view(name: &str, client: &ClientView) -> String {
    let metadata = serde_json::to_value(&client.metadata).unwrap_or_default();
    match name {
        "client_name" => client.client_name.clone(),
        "access" => client.access.as_str().to_owned(),
        "groups" => client.groups.join("\n"),
        "redirect_uris" => client.redirect_uris.join("\n"),
        "origins" => client.origins.join("\n"),
        "post_logout_redirect_uris" => client.metadata.post_logout_redirect_uris.join("\n"),
        "scope" => client.scope.clone(),
        "public" => client.public.to_string(),
        "first_party" => client.first_party.to_string(),
        "default_resource" => client.default_resource.clone().unwrap_or_default(),
        "token_endpoint_auth_method" => client.token_endpoint_auth_method.clone().unwrap_or_default(),
        "pkce" => client.pkce.as_str().to_owned(),
        "id_token_claims" => client.id_token_claims.to_string(),
        "claims_allowed" => client.claims_allowed.to_string(),
        "signals_of_all_users" => client.signals_of_all_users.to_string(),
        "session_management" => client.session_management.to_string(),
        "group_filter" => client.group_filter.clone(),
        "group_prefix" => client.group_prefix.clone(),
        "jwks" => client.metadata.jwks.as_ref().and_then(|keys| serde_json::to_string_pretty(keys).ok()).unwrap_or_default(),
        "native" => (client.metadata.application_type == Some(ApplicationType::Native)).to_string(),
        name => match name.strip_prefix("grant_types.") {
            Some(grant) => client.grant_types.iter().any(|own| own == grant).to_string(),
            None if FLAGS.iter().any(|(flag, _)| *flag == name) => (metadata[name] == true).to_string(),
            None => metadata[name].as_str().unwrap_or_default().to_owned(),
        },
    }
}

/// `GET /admin/clients/{id}/edit`: shows the form of a client.
pub async fn edit(admin: Administrator, Path(id): Path<String>) -> Result<Response, PageError> {
    edit_form(&admin, &id).await?.respond()
}

/// Returns the change that was typed, of the client `before`.
fn patch_of(form: &AdminForm, before: &ClientView) -> ClientPatch {
    let optional = |name: &str| form.optional(name).map_or(Patch::Clear, Patch::Set);
    let origins = form.lines("origins");
    let mut metadata = Map::new();
    for (name, _, _) in URLS {
        // The patch leaves out the values that stay as they are, so that a logo is not fetched again.
        if form.text(name) != of_view(name, before) {
            metadata.insert(name.to_owned(), form.optional(name).map_or(Value::Null, Value::from));
        }
    }
    for (name, _) in FLAGS {
        metadata.insert(name.to_owned(), form.is_checked(name).into());
    }
    let keys = jwks(form);
    if keys != before.metadata.jwks {
        metadata.insert("jwks".to_owned(), keys.unwrap_or_default());
    }
    let uris = form.lines("post_logout_redirect_uris");
    metadata.insert("post_logout_redirect_uris".to_owned(), uris.into());
    let native = form.is_checked("native");
    if native != (before.metadata.application_type == Some(ApplicationType::Native)) {
        metadata.insert("application_type".to_owned(), if native { "native" } else { "web" }.into());
    }
    let changes_kind = form.is_checked("public") != before.public;
    ClientPatch {
        client_name: Patch::Set(form.text("client_name")),
        public: Patch::Set(form.is_checked("public")),
        grant_types: Patch::Set(grant_types(form)),
        default_resource: optional("default_resource"),
        scope: Patch::Set(form.text("scope")),
        redirect_uris: Patch::Set(form.lines("redirect_uris")),
        // Origins that were not touched go on following the redirect URIs.
        origins: if origins == before.origins { Patch::Keep } else { Patch::Set(origins) },
        token_endpoint_auth_method: if before.public && !changes_kind { Patch::Keep } else { optional("token_endpoint_auth_method") },
        first_party: Patch::Set(form.is_checked("first_party")),
        pkce: match Pkce::parse(&form.text("pkce")) {
            Some(pkce) if !(changes_kind && pkce == before.pkce) => Patch::Set(pkce),
            Some(_) => Patch::Keep,
            None => Patch::Clear,
        },
        access: Access::parse(&form.text("access")).map_or(Patch::Clear, Patch::Set),
        groups: if form.lines("groups") == before.groups { Patch::Keep } else { Patch::Set(form.lines("groups")) },
        id_token_claims: Patch::Set(form.is_checked("id_token_claims")),
        group_filter: optional("group_filter"),
        group_prefix: Patch::Set(form.text("group_prefix")),
        claims_allowed: Patch::Set(form.is_checked("claims_allowed")),
        signals_of_all_users: Patch::Set(form.is_checked("signals_of_all_users")),
        session_management: Patch::Set(form.is_checked("session_management")),
        metadata,
    }
}

/// `POST /admin/clients/{id}/edit`: changes a client.
pub async fn save(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let before = clients::show(&form.admin.reading(), &id).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(before.version) {
        return form.refused(edit_form(&form.admin, &id).await?, refused);
    }
    let lead = what_follows(&form, &before);
    let asked = || Confirmation {
        section: SECTION,
        heading: format!("Change {}?", before.client_name),
        lead: lead.clone(),
        path: format!("{}/edit", path(&id)),
        back: path(&id),
        submit: "Save",
    };
    if let Some(page) = form.check_confirmation(asked()).await? {
        return Ok(page);
    }
    if !form.is_confirmation()
        && let Some(page) = access_change(&form, &before).await?
    {
        return Ok(page);
    }
    match attempt_edit(&form, &before).await {
        Ok(Edited { client, client_secret: Some(secret) }) => {
            let heading = format!("The new secret of {}", client.client_name);
            shown_once(&form.admin, &id, heading, Some(&secret), "", &[]).await
        }
        Ok(_) => form.admin.done("saved", &path(&id)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked()).await?.ok_or_else(PageError::stale_form),
        Err(refused) => form.refused(edit_form(&form.admin, &id).await?, refused),
    }
}

/// Says what a dangerous change does: it sends people to other redirect URIs, or lets the client administer this issuer.
fn what_follows(form: &AdminForm, before: &ClientView) -> String {
    let uris = form.lines("redirect_uris");
    let new: Vec<&str> = uris.iter().filter(|uri| !before.redirect_uris.contains(uri)).map(String::as_str).collect();
    let gone: Vec<&str> = before.redirect_uris.iter().filter(|uri| !uris.contains(uri)).map(String::as_str).collect();
    let scope = form.text("scope");
    let administers: Vec<&str> =
        words(&scope).filter(|name| is_administration(name) && !words(&before.scope).any(|own| own == *name)).collect();
    let mut sentences = Vec::new();
    if !new.is_empty() {
        sentences.push(format!("After a sign-in people are also sent to {}, with what lets whoever runs it act for them.", new.join(", ")));
    }
    if !gone.is_empty() {
        sentences.push(format!("They are no longer sent to {}.", gone.join(", ")));
    }
    if !administers.is_empty() {
        sentences.push(format!("It may administer this issuer by the scopes {}.", administers.join(", ")));
    }
    if sentences.is_empty() {
        sentences.push(
            "It may then prove in another way who it is, act for people in another way, or learn more about them, than before.".to_owned(),
        );
    }
    sentences.join(" ")
}

/// Asks on a page that says who can no longer sign in, and who can from now on, if the form changes that.
async fn access_change(form: &AdminForm, before: &ClientView) -> Result<Option<Response>, PageError> {
    let Some(access) = Access::parse(&form.text("access")) else { return Ok(None) };
    let (mut old, mut new) = (before.groups.clone(), form.lines("groups"));
    old.sort_unstable();
    new.sort_unstable();
    if (access, &new) == (before.access, &old) {
        return Ok(None);
    }
    let patch = ClientPatch { access: Patch::Set(access), groups: Patch::Set(form.lines("groups")), ..ClientPatch::default() };
    let (admin, id) = (&form.admin, before.client_id.as_str());
    // The form itself shows what is wrong with it.
    let Ok(edition) = ClientEdit::prepare(&admin.app, patch, Asker::Operator).await else { return Ok(None) };
    // Only such a change concerns people who are in no group of it and have not used it.
    let everyone = access != before.access;
    let (subject, actor) = (Subject::Client { id: id.to_owned(), groups: new, everyone }, admin.as_confirmed());
    let effects = admin.effects(&actor, &subject, |change| Box::pin(edit_client::edit(change, id, edition, None))).await;
    let Ok(effects) = effects else { return Ok(None) };
    let who = match (before.access, access) {
        (Access::Everyone, Access::Groups) => "From now on only members of the groups may sign in. ",
        (Access::Groups, Access::Everyone) => "From now on everyone may sign in. ",
        _ => "",
    };
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Change who may sign in to {}?", before.client_name),
        lead: format!("{who}{effects}"),
        path: format!("{}/edit", path(id)),
        back: path(id),
        submit: "Save",
    };
    form.agreed(asked).await
}

async fn attempt_edit(form: &AdminForm, before: &ClientView) -> Result<Edited, Refused> {
    let expected = form.version()?;
    let edition = ClientEdit::prepare(&form.admin.app, patch_of(form, before), Asker::Operator).await?;
    let (actor, id) = (form.careful_actor(), before.client_id.as_str());
    form.attempt(&actor, move |change| Box::pin(edit_client::edit(change, id, edition, Some(expected)))).await
}
