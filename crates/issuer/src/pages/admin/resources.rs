//! The pages of resources, which are services that accept tokens, and of their scopes.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::response::Response;

use crate::admin::edit_resource::{self, ResourcePatch, ScopesPatch};
use crate::admin::preview::Subject;
use crate::admin::resources::{self, ResourceDraft, ResourceView, ScopeView};
use crate::admin::words::duration;
use crate::admin::{Fault, Faults, Listing, Reading, Refused};
use crate::audit::Actor;
use crate::oauth::access_token_typ::AccessTokenTyp;
use crate::oauth::token_claim::TokenClaim;
use crate::pages::admin::view::{Button, Cell, Detail, Field, FormPage, Kind, List, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, audit, commands, failed, shell, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

const SECTION: &str = "Resources";
pub(super) const PATH: &str = "/admin/resources";

fn path(identifier: &str) -> String {
    format!("{PATH}/{}", encode(identifier))
}

/// Makes one cell for each of `scopes`, which leads to the page of the resource that owns it. Shows a dash if there is none.
pub(super) async fn scopes_with_owners(reading: &Reading<'_>, scopes: &[String]) -> Result<Vec<Cell>, Refused> {
    let owners = resources::owners(reading, scopes).await?;
    Ok(scope_links(&owners, scopes.iter().map(String::as_str)))
}

/// Returns the identifier of the resource that owns each of `scopes`.
pub(super) async fn owners<'s>(
    reading: &Reading<'_>,
    scopes: impl Iterator<Item = &'s str>,
) -> Result<BTreeMap<String, String>, PageError> {
    let scopes: Vec<String> = scopes.map(str::to_owned).collect();
    resources::owners(reading, &scopes).await.map_err(failed)
}

/// Returns a cell for each of `scopes`, which leads to the resource that owns it by `owners`. Shows a dash if there is none.
pub(super) fn scope_links<'s>(owners: &BTreeMap<String, String>, scopes: impl Iterator<Item = &'s str>) -> Vec<Cell> {
    let cell = |scope: &str| {
        let link = owners.get(scope).map_or_else(String::new, |owner| path(owner));
        Cell { text: scope.to_owned(), link, ..Cell::default() }
    };
    let cells: Vec<Cell> = scopes.map(cell).collect();
    if cells.is_empty() { Cell::text("–") } else { cells }
}

/// `GET /admin/resources`: lists the resources.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let page = resources::list(&admin.reading(), &window(&query)).await.map_err(failed)?;
    let row = |resource: ResourceView| {
        let scopes: Vec<&str> = resource.scopes.iter().map(|scope| scope.name.as_str()).collect();
        vec![Cell::link(PATH, &resource.identifier), Cell::text(resource.name), Cell::text(scopes.join(" "))]
    };
    let list = List {
        frame: admin.frame(SECTION, "signet resource list").await?,
        heading: "Resources",
        lead: "Services that accept tokens. Each owns scopes; the first two belong to this issuer.",
        links: vec![("Add a resource", "/admin/resources/new")],
        table: Table::new(&["Identifier", "Name", "Scopes"], "There are no more resources.").filled(page, PATH, row),
        ..List::default()
    };
    html(&list, Csp::Own)
}

/// `GET /admin/resources/{identifier}`: shows a resource.
pub async fn show(admin: Administrator, Path(identifier): Path<String>) -> Result<Response, PageError> {
    let resource = resources::show(&admin.reading(), &identifier).await.map_err(failed)?;
    let path = path(&resource.identifier);
    let told: Vec<&str> = resource.token_claims.iter().map(|claim| claim.as_str()).collect();
    let groups = match (told.contains(&"groups"), resource.group_prefix.as_str()) {
        (false, "") => "none".to_owned(),
        (false, prefix) => format!("none; if they did, those whose names begin with {prefix}"),
        (true, "") => "all groups of the person".to_owned(),
        (true, prefix) => format!("those of the person whose names begin with {prefix}"),
    };
    let edit = ("Change the resource", format!("{path}/edit"));
    let history = ("History", audit::history("resource", &resource.identifier));
    let removal = Button::new("Remove the resource", &path, "remove").danger();
    let scopes = Listing::whole(resource.scopes);
    let row = |scope: ScopeView| vec![Cell::text(scope.name), Cell::text(scope.description)];
    let detail = Detail {
        frame: admin.frame(SECTION, shell::line("resource show", &[&resource.identifier], "")).await?,
        heading: resource.name,
        sections: vec![
            Section {
                facts: vec![
                    ("Identifier (aud)", Cell::text(resource.identifier)),
                    ("Token lifetime", Cell::text(duration(resource.token_lifetime))),
                    ("Open to any client", Cell::text(if resource.open { "yes, on behalf of a person" } else { "no" })),
                    ("Token type (typ)", Cell::text(resource.access_token_typ.as_str())),
                    ("Tokens also tell", Cell::text(if told.is_empty() { "nothing".to_owned() } else { told.join(", ") })),
                    ("Groups that tokens tell", Cell::text(groups)),
                ],
                links: vec![edit, history],
                buttons: vec![removal],
                ..Section::default()
            },
            Section {
                title: "Scopes",
                table: Some(Table::new(&["Scope", "What the consent page says"], "It owns no scopes.").filled(scopes, "", row)),
                ..Section::default()
            },
        ],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

/// `POST /admin/resources/{identifier}`: removes a resource.
pub async fn act(Path(identifier): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    if form.text("action") != "remove" {
        return Err(PageError::stale_form());
    }
    let resource = match resources::show(&form.admin.reading(), &identifier).await {
        Ok(resource) => resource,
        Err(refused) => return form.removed_already(refused, PATH),
    };
    form.show_version(resource.version);
    let actor = form.admin.as_confirmed();
    let subject = edit_resource::subject_of_removal(&resource);
    let effects = form.admin.effects(&actor, &subject, |change| Box::pin(resources::remove(change, &identifier))).await.map_err(failed)?;
    let scopes: Vec<&str> = resource.scopes.iter().map(|scope| scope.name.as_str()).collect();
    let lead = match scopes[..] {
        [] => effects,
        _ => format!("Its scopes go with it, and every role and client loses them: {}. {effects}", scopes.join(", ")),
    };
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Remove the resource {}?", resource.name),
        lead,
        path: path(&resource.identifier),
        back: path(&resource.identifier),
        submit: "Remove the resource",
        command: shell::line("resource remove", &[&resource.identifier], ""),
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    match form.change_drawn(|change| Box::pin(resources::remove(change, &identifier))).await {
        Ok(_) => form.admin.done("removed", PATH),
        Err(refused) => form.removed_already(refused, PATH),
    }
}

fn fields() -> Vec<Field> {
    let types = vec![("at+jwt", "at+jwt (RFC 9068)"), ("JWT", "JWT, for libraries that refuse at+jwt")];
    vec![
        Field::new("name", "Name", Kind::Text).hint("As the consent page shows it."),
        Field::new("token_lifetime", "Token lifetime in seconds", Kind::Text)
            .hint("1 to 3600; empty for the setting access_token_lifetime."),
        Field::new("access_token_typ", "Token type", Kind::Choice(types)),
        Field::new("open", "Any client may ask for its scopes on behalf of a person", Kind::Check),
    ]
}

fn scopes_field() -> Field {
    let hint = "One per line with what the consent page says, such as orders:read=See your orders.";
    Field::new("scopes", "Scopes", Kind::Lines).hint(hint)
}

/// Returns the fields of what access tokens tell of the user beside the scopes.
fn told_fields() -> [Field; 3] {
    [
        Field::new("groups", "Tokens tell the user's groups", Kind::Check),
        Field::new("group_prefix", "Only groups whose names begin with", Kind::Text),
        Field::new("roles", "Tokens tell the user's roles that hold a scope of this resource", Kind::Check),
    ]
}

/// Returns what tokens are to tell, as it was ticked.
fn ticked_claims(form: &AdminForm) -> Vec<TokenClaim> {
    TokenClaim::ALL.into_iter().filter(|claim| form.is_checked(claim.as_str())).collect()
}

/// Returns the scopes that were typed.
fn typed_scopes(form: &AdminForm) -> Vec<ScopeView> {
    let scope = |line: String| {
        let (name, description) = line.split_once('=').unwrap_or((&line, ""));
        ScopeView { name: name.trim().to_owned(), description: description.trim().to_owned() }
    };
    form.lines("scopes").into_iter().map(scope).collect()
}

async fn new_form(admin: &Administrator) -> Result<FormPage, PageError> {
    let mut fields = fields();
    fields.insert(0, Field::new("identifier", "Identifier", Kind::Text).hint("The aud of its tokens, such as https://orders.example."));
    fields.push(scopes_field());
    fields.extend(told_fields());
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::add_resource, String::new())),
        heading: "Add a resource".to_owned(),
        action: "/admin/resources/new".to_owned(),
        fields,
        submit: "Add the resource",
        back: PATH.to_owned(),
        ..FormPage::default()
    })
}

/// `GET /admin/resources/new`: shows the form for a new resource.
pub async fn new(admin: Administrator) -> Result<Response, PageError> {
    new_form(&admin).await?.respond()
}

/// Reads the lifetime that was typed; `None` if the field is empty. What is no number is among `faults`.
fn lifetime(form: &AdminForm, faults: &mut Faults) -> Option<i64> {
    let typed = form.optional("token_lifetime").map(|text| text.parse()).transpose();
    typed.unwrap_or_else(|_| {
        faults.add(Fault::new("token_lifetime", "a whole number of seconds, such as 600"));
        None
    })
}

/// `POST /admin/resources/new`: adds a resource. One that is open is confirmed with the password.
pub async fn add(mut form: AdminForm) -> Result<Response, PageError> {
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Add the resource {} for every client?", form.text("identifier")),
        lead: "A resource that is open lets every client ask for its scopes on behalf of a person.".to_owned(),
        path: format!("{PATH}/new"),
        back: format!("{PATH}/new"),
        submit: "Add the resource",
        command: form.command_of(new_form(&form.admin).await?),
    };
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    let mut faults = Faults::default();
    let draft = ResourceDraft {
        identifier: form.text("identifier"),
        name: form.text("name"),
        scopes: typed_scopes(&form),
        token_lifetime: lifetime(&form, &mut faults),
        open: form.is_checked("open"),
        access_token_typ: AccessTokenTyp::parse(&form.text("access_token_typ")).unwrap_or_default(),
        token_claims: ticked_claims(&form),
        group_prefix: form.text("group_prefix"),
    };
    let checked = resources::check(&form.admin.reading(), draft).await;
    let checked = if faults.is_empty() { checked } else { Err(faults.with_others(checked)) };
    let actor = form.careful_actor();
    let added = match checked {
        Ok(resource) => form.attempt(&actor, move |change| Box::pin(resources::add(change, resource))).await,
        Err(refused) => Err(refused),
    };
    match added {
        Ok(resource) => form.admin.done("added", &path(&resource.identifier)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Err(refused) => form.refused(new_form(&form.admin).await?, refused),
    }
}

/// Returns the form of the resource `identifier`, with what is saved.
async fn edit_form(admin: &Administrator, identifier: &str) -> Result<FormPage, PageError> {
    let resource = resources::show(&admin.reading(), identifier).await.map_err(failed)?;
    let path = path(identifier);
    let mut fields = fields();
    fields.push(scopes_field().hint(
        "One per line with what the consent page says, such as orders:read=See your orders. A scope that you take out is taken from roles, \
         clients and people.",
    ));
    fields.extend(told_fields());
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::edit_resource, identifier.to_owned())),
        heading: "Change the resource".to_owned(),
        lead: identifier.to_owned(),
        action: format!("{path}/edit"),
        version: Some(resource.version),
        fields,
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    let value = |name: &str| match name {
        "name" => resource.name.clone(),
        "scopes" => resource.scopes.iter().map(|scope| format!("{}={}", scope.name, scope.description)).collect::<Vec<_>>().join("\n"),
        "token_lifetime" => resource.token_lifetime.to_string(),
        "access_token_typ" => resource.access_token_typ.as_str().to_owned(),
        "open" => resource.open.to_string(),
        "group_prefix" => resource.group_prefix.clone(),
        claim => TokenClaim::parse(claim).is_some_and(|claim| resource.token_claims.contains(&claim)).to_string(),
    };
    Ok(form.showing(value))
}

/// `GET /admin/resources/{identifier}/edit`: shows the form of a resource.
pub async fn edit(admin: Administrator, Path(identifier): Path<String>) -> Result<Response, PageError> {
    edit_form(&admin, &identifier).await?.respond()
}

/// Returns the change that the form asks for. What cannot be read is among `faults`.
fn typed_patch(form: &AdminForm, faults: &mut Faults) -> ResourcePatch {
    ResourcePatch {
        name: Some(form.text("name")),
        scopes: Some(ScopesPatch::All(typed_scopes(form))),
        token_lifetime: Some(lifetime(form, faults)),
        open: Some(form.is_checked("open")),
        access_token_typ: AccessTokenTyp::parse(&form.text("access_token_typ")),
        token_claims: Some(ticked_claims(form)),
        group_prefix: Some(form.text("group_prefix")),
    }
}

/// Says what a change from `before` to `after` gives and takes beside scopes. Empty if it gives and takes nothing.
fn consequences(before: &ResourceView, after: &ResourceView) -> Vec<String> {
    let mut sentences = Vec::new();
    match (before.open, after.open) {
        (false, true) => sentences.push("Any client may ask for its scopes on behalf of a person.".to_owned()),
        (true, false) => sentences.push("Only clients that are registered for its scopes may still ask for them.".to_owned()),
        _ => {}
    }
    for claim in TokenClaim::ALL {
        match (before.token_claims.contains(&claim), after.token_claims.contains(&claim)) {
            (false, true) => sentences.push(format!("Its tokens tell services the {} of people.", claim.as_str())),
            (true, false) => sentences.push(format!("Its new tokens no longer tell services the {} of people.", claim.as_str())),
            _ => {}
        }
    }
    let tells_groups = before.token_claims.contains(&TokenClaim::Groups) && after.token_claims.contains(&TokenClaim::Groups);
    if tells_groups && before.group_prefix != after.group_prefix {
        sentences.push(match after.group_prefix.as_str() {
            "" => "Its new tokens tell all groups of people.".to_owned(),
            prefix => format!("Its new tokens tell only groups whose names begin with {prefix}."),
        });
    }
    sentences
}

/// `POST /admin/resources/{identifier}/edit`: changes a resource. A page asks first if somebody gains or loses something, and asks for the
/// password if somebody gains, or if a scope is removed.
pub async fn save(Path(identifier): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let before = resources::show(&form.admin.reading(), &identifier).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(before.version) {
        return form.refused(edit_form(&form.admin, &identifier).await?, refused);
    }
    let mut faults = Faults::default();
    let patch = typed_patch(&form, &mut faults);
    let edit = |actor| try_edit(&form.admin, actor, &before, patch.clone());
    let (needs_password, tried) = match edit(form.careful_actor()).await {
        Err(Refused::StaleAuthentication) => (true, edit(form.admin.as_confirmed()).await),
        tried => (false, tried),
    };
    let tried = if faults.is_empty() { tried } else { Err(faults.with_others(tried)) };
    let lead = match tried {
        Ok(lead) => lead,
        Err(refused) => return form.refused(edit_form(&form.admin, &identifier).await?, refused),
    };
    if let Some(lead) = lead {
        let asked = Confirmation {
            section: SECTION,
            heading: format!("Change the resource {}?", before.name),
            lead,
            path: format!("{}/edit", path(&identifier)),
            back: path(&identifier),
            submit: "Change the resource",
            command: form.command_of(edit_form(&form.admin, &identifier).await?),
        };
        let page = if needs_password || form.is_confirmation() { form.confirmed(asked).await? } else { form.agreed(asked).await? };
        if let Some(page) = page {
            return Ok(page);
        }
    }
    let changed = form.change_drawn(|change| Box::pin(edit_resource::edit(change, &identifier, patch)));
    match changed.await {
        Ok(resource) => form.admin.done("saved", &path(&resource.identifier)),
        Err(refused) => form.refused(edit_form(&form.admin, &identifier).await?, refused),
    }
}

/// Makes the change as `actor` without keeping anything of it, and says who gains and loses what. `None` if nobody does.
async fn try_edit(admin: &Administrator, actor: Actor, before: &ResourceView, patch: ResourcePatch) -> Result<Option<String>, Refused> {
    let subject = patch.subject(before);
    let mut after = None;
    let effects = admin.effects(&actor, &subject, |change| {
        let after = &mut after;
        Box::pin(async move {
            *after = Some(edit_resource::edit(change, &before.identifier, patch).await?);
            Ok(())
        })
    });
    let effects = effects.await?;
    let mut sentences = after.map_or_else(Vec::new, |after| consequences(before, &after));
    let takes_scopes = matches!(&subject, Subject::Resource { removed, closes, .. } if *closes || !removed.is_empty());
    if takes_scopes {
        sentences.push(effects);
    }
    Ok((!sentences.is_empty()).then(|| sentences.join(" ")))
}
