//! The form that changes a client.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::response::Response;
use serde_json::{Map, Value};

use crate::admin::Refused;
use crate::admin::clients::{self, ClientView};
use crate::admin::edit_client::{self, ClientEdit, ClientPatch, Edited};
use crate::admin::patch::Patch;
use crate::admin::preview;
use crate::fetch::budget::Asker;
use crate::oauth::access::Access;
use crate::oauth::application_type::ApplicationType;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::{is_administration, words};
use crate::pages::admin::client_form::{FLAGS, URLS, fields, grant_types, jwks};
use crate::pages::admin::client_secrets::{Shown, shown_once};
use crate::pages::admin::clients::{SECTION, path};
use crate::pages::admin::effects::in_words;
use crate::pages::admin::grant_words::grants_in_words;
use crate::pages::admin::view::FormPage;
use crate::pages::admin::{AdminForm, Administrator, Confirmation, commands, failed};
use crate::web::error::page::PageError;

/// Returns the form of the client `id`, with what is saved.
async fn edit_form(admin: &Administrator, id: &str) -> Result<FormPage, PageError> {
    let client = clients::show(&admin.reading(), id).await.map_err(failed)?;
    let path = path(id);
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::edit_client, id.to_owned())),
        heading: "Change the client".to_owned(),
        lead: id.to_owned(),
        action: format!("{path}/edit"),
        version: Some(client.version),
        fields: fields(),
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    Ok(form.showing(|name| of_view(name, &client)))
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
        // The buttons of the client's page change it.
        claims_allowed: Patch::Keep,
        signals_of_all_users: Patch::Set(form.is_checked("signals_of_all_users")),
        session_management: Patch::Set(form.is_checked("session_management")),
        metadata,
    }
}

/// `POST /admin/clients/{id}/edit`: changes a client. A page says first whose access changes, and asks for the password if somebody gets more.
pub async fn save(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let before = clients::show(&form.admin.reading(), &id).await.map_err(failed)?;
    let effects = match form.require_drawn_from(before.version) {
        Ok(()) => effects(&form, &before).await,
        Err(stale) => Err(stale),
    };
    let effects = match effects {
        Ok(effects) => effects,
        Err(refused) => return form.refused(edit_form(&form.admin, &id).await?, refused),
    };
    let command = form.command_of(edit_form(&form.admin, &id).await?);
    let asked = asked(&form, &before, effects.as_deref(), command.clone());
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    if effects.is_some() && !form.is_confirmation() {
        let page = match try_edit(&form, &before).await {
            Ok(()) => form.agreed(asked.clone()).await?,
            Err(Refused::StaleAuthentication) => form.confirmed(asked.clone()).await?,
            Err(refused) => return form.refused(edit_form(&form.admin, &id).await?, refused),
        };
        if let Some(page) = page {
            return Ok(page);
        }
    }
    match attempt_edit(&form, &before).await {
        Ok(Edited { client, client_secret: Some(secret) }) => {
            let heading = format!("The new secret of {}", client.client_name);
            let shown = Shown { heading, secret: Some(&secret), command, ..Shown::default() };
            shown_once(&form.admin, &id, shown).await
        }
        Ok(_) => form.admin.done("saved", &path(&id)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Err(refused) => form.refused(edit_form(&form.admin, &id).await?, refused),
    }
}

/// Returns whether the form says otherwise than `before` who may sign in.
fn changes_access(form: &AdminForm, before: &ClientView) -> bool {
    let of = |names: &[String]| set(names.iter().map(String::as_str));
    Access::parse(&form.text("access")) != Some(before.access) || of(&form.lines("groups")) != of(&before.groups)
}

fn set<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names.map(str::to_owned).collect()
}

/// Returns what a page says before the change: the `effects` on people, what else the client may do then, and the `command` that does the same.
fn asked(form: &AdminForm, before: &ClientView, effects: Option<&str>, command: String) -> Confirmation {
    let mut sentences: Vec<String> = effects.map(str::to_owned).into_iter().chain(what_follows(form, before)).collect();
    if sentences.is_empty() {
        sentences.push(
            "It may then prove in another way who it is, act for people in another way, or learn more about them, than before.".to_owned(),
        );
    }
    let what = if changes_access(form, before) { "Change who may sign in to" } else { "Change" };
    let path = path(&before.client_id);
    Confirmation {
        section: SECTION,
        heading: format!("{what} {}?", before.client_name),
        lead: sentences.join(" "),
        path: format!("{path}/edit"),
        back: path,
        submit: "Save",
        command,
    }
}

/// Says what the client may do after the change: send people to other redirect URIs, ask for more scopes or in other ways, or administer this
/// issuer.
fn what_follows(form: &AdminForm, before: &ClientView) -> Vec<String> {
    let uris = form.lines("redirect_uris");
    let new: Vec<&str> = uris.iter().filter(|uri| !before.redirect_uris.contains(uri)).map(String::as_str).collect();
    let gone: Vec<&str> = before.redirect_uris.iter().filter(|uri| !uris.contains(uri)).map(String::as_str).collect();
    let scope = form.text("scope");
    let more = words(&scope).filter(|name| !words(&before.scope).any(|own| own == *name));
    let (administers, more): (Vec<&str>, Vec<&str>) = more.partition(|name| is_administration(name));
    let grants: Vec<String> = grant_types(form).into_iter().filter(|grant| !before.grant_types.contains(grant)).collect();
    let mut sentences = Vec::new();
    if !new.is_empty() {
        sentences.push(format!("After a sign-in people are also sent to {}, with what lets whoever runs it act for them.", new.join(", ")));
    }
    if !gone.is_empty() {
        sentences.push(format!("They are no longer sent to {}.", gone.join(", ")));
    }
    if !more.is_empty() {
        sentences.push(format!("It may also ask for these scopes: {}.", more.join(", ")));
    }
    if !administers.is_empty() {
        sentences.push(format!("It may administer this issuer by the scopes {}.", administers.join(", ")));
    }
    sentences.extend(grants_in_words(&grants).iter().map(|words| format!("{words}.")));
    sentences
}

/// Says who can no longer sign in after the change, who can from then on, and whose tokens are refused. Returns `None` if the access of nobody
/// changes. Fails as the change would, but for a recent sign-in.
async fn effects(form: &AdminForm, before: &ClientView) -> Result<Option<String>, Refused> {
    let changes_access = changes_access(form, before);
    let same_scopes = set(words(&form.text("scope"))) == set(words(&before.scope));
    let same_grants = set(grant_types(form).iter().map(String::as_str)) == set(before.grant_types.iter().map(String::as_str));
    if !changes_access && same_scopes && same_grants {
        return Ok(None);
    }
    let (admin, id, patch) = (&form.admin, before.client_id.as_str(), patch_of(form, before));
    let (subject, actor) = (patch.subject(before), admin.as_confirmed());
    let edition = ClientEdit::prepare(&admin.app, patch, Asker::Operator).await?;
    let edit = preview::run(&admin.app, &actor, &subject, |change| Box::pin(edit_client::edit(change, id, edition, None)));
    let (Edited { client: after, .. }, preview) = edit.await?;
    if !changes_access && preview.is_idle() && preview.authorizations + preview.refused_tokens == 0 {
        return Ok(None);
    }
    let who = match (before.access, after.access) {
        (Access::Everyone, Access::Groups) => "From now on only members of the groups may sign in. ",
        (Access::Groups, Access::Everyone) => "From now on everyone may sign in. ",
        _ => "",
    };
    Ok(Some(format!("{who}{}", in_words(&preview))))
}

/// Returns the change that was typed, ready for its transaction.
async fn prepared(form: &AdminForm, before: &ClientView) -> Result<ClientEdit, Refused> {
    ClientEdit::prepare(&form.admin.app, patch_of(form, before), Asker::Operator).await
}

/// Fails as [`attempt_edit`] would, and keeps nothing.
async fn try_edit(form: &AdminForm, before: &ClientView) -> Result<(), Refused> {
    let (edition, actor, id) = (prepared(form, before).await?, form.careful_actor(), before.client_id.as_str());
    form.admin.try_out(&actor, move |change| Box::pin(edit_client::edit(change, id, edition, None))).await.map(drop)
}

async fn attempt_edit(form: &AdminForm, before: &ClientView) -> Result<Edited, Refused> {
    let expected = form.version()?;
    let (edition, actor, id) = (prepared(form, before).await?, form.careful_actor(), before.client_id.as_str());
    form.attempt(&actor, move |change| Box::pin(edit_client::edit(change, id, edition, Some(expected)))).await
}
