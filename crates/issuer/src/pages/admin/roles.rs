//! The pages of roles.

use axum::extract::Path;
use axum::response::Response;

use crate::admin::preview::Subject;
use crate::admin::roles::{self, RolePatch, RoleView};
use crate::admin::{Change, Faults, MemberView, Refused};
use crate::config::ADMIN;
use crate::pages::admin::resources::scopes_with_owners;
use crate::pages::admin::view::{Button, Cell, Detail, Field, FormPage, Kind, List, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, audit, commands, failed, shell, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

const SECTION: &str = "Roles";
const PATH: &str = "/admin/roles";

fn path(name: &str) -> String {
    format!("{PATH}/{}", encode(name))
}

/// `GET /admin/roles`: lists the roles.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let page = roles::list(&admin.reading(), &window(&query)).await.map_err(failed)?;
    let row = |role: RoleView| {
        let delegated = role.delegated.then(|| Cell::badge("delegated", true));
        vec![
            Cell::link(PATH, &role.name),
            Cell::text(role.display_name.unwrap_or_default()),
            Cell::text(role.scopes.join(" ")),
            delegated.into_iter().collect(),
        ]
    };
    let list = List {
        frame: admin.frame(SECTION, "signet role list").await?,
        heading: "Roles",
        lead: "Named sets of scopes. A user may use the scopes of their roles, which they have directly or through a group.",
        links: vec![("Add a role", "/admin/roles/new")],
        table: Table::new(&["Name", "Shown as", "Scopes", "Notes"], "There are no more roles.").filled(page, PATH, row),
        ..List::default()
    };
    html(&list, Csp::Own)
}

/// `GET /admin/roles/{name}`: shows a role, with the groups that carry it and the users who have it directly.
pub async fn show(admin: Administrator, Path(name): Path<String>, query: PageQuery) -> Result<Response, PageError> {
    let reading = admin.reading();
    let role = roles::show(&reading, &name).await.map_err(failed)?;
    let groups = roles::carriers(&reading, &name).await.map_err(failed)?;
    let holders = roles::holders(&reading, &name, &window(&query)).await.map_err(failed)?;
    let scopes = scopes_with_owners(&reading, &role.scopes).await.map_err(failed)?;
    let path = path(&role.name);
    let row = |holder: MemberView| vec![Cell::link("/admin/users", &holder.username), Cell::text(holder.name.unwrap_or_default())];
    let holders = Table::new(&["Username", "Name"], "Nobody has it directly.").filled(holders, &path, row);
    let edit = ("Change the role", format!("{path}/edit"));
    // The operation refuses to remove the role without which nobody could administer the issuer.
    let removal = (role.name != ADMIN).then(|| Button::new("Remove the role", &path, "remove").danger());
    let detail = Detail {
        frame: admin.frame(SECTION, shell::line("role show", &[&role.name], "")).await?,
        heading: role.display_name.clone().unwrap_or_else(|| role.name.clone()),
        sections: vec![
            Section {
                facts: vec![
                    ("Name", Cell::text(role.name.clone())),
                    ("Scopes", scopes),
                    ("Help desk may give it", Cell::text(if role.delegated { "yes" } else { "no" })),
                ],
                links: vec![edit, ("History", audit::history("role", &role.name))],
                buttons: removal.into_iter().collect(),
                ..Section::default()
            },
            Section {
                title: "Who has it",
                lead: "The members of these groups, and the users in the list, who have it directly.".to_owned(),
                facts: vec![("Groups", Cell::links("/admin/groups", &groups))],
                table: Some(holders),
                ..Section::default()
            },
        ],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

/// `POST /admin/roles/{name}`: removes a role.
pub async fn act(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    if form.text("action") != "remove" {
        return Err(PageError::stale_form());
    }
    let role = match roles::show(&form.admin.reading(), &name).await {
        Ok(role) => role,
        Err(refused) => return form.removed_already(refused, PATH),
    };
    form.show_version(role.version);
    let subject = Subject::Role(role.name.clone());
    let actor = form.admin.as_confirmed();
    let effects = form.admin.effects(&actor, &subject, |change| Box::pin(roles::remove(change, &name))).await.map_err(failed)?;
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Remove the role {}?", role.name),
        lead: format!("Every user and group loses it. {effects}"),
        path: path(&role.name),
        back: path(&role.name),
        submit: "Remove the role",
        command: shell::line("role remove", &[&role.name], ""),
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    match form.change_drawn(|change| Box::pin(roles::remove(change, &name))).await {
        Ok(_) => form.admin.done("removed", PATH),
        Err(refused) => form.removed_already(refused, PATH),
    }
}

fn scopes_field() -> Field {
    Field::new("scopes", "Scopes", Kind::Lines).hint("Scopes of resources, one per line, such as orders:read.")
}

fn delegated_field() -> Field {
    Field::new("delegated", "Let the help desk give this role and take it away", Kind::Check)
}

async fn new_form(admin: &Administrator) -> Result<FormPage, PageError> {
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::add_role, String::new())),
        heading: "Add a role".to_owned(),
        action: "/admin/roles/new".to_owned(),
        fields: vec![
            Field::new("name", "Name", Kind::Text).hint("Printable ASCII without spaces, such as clerk."),
            Field::new("display_name", "Shown to people as", Kind::Text),
            scopes_field(),
            delegated_field(),
        ],
        submit: "Add the role",
        back: PATH.to_owned(),
        ..FormPage::default()
    })
}

/// `GET /admin/roles/new`: shows the form for a new role.
pub async fn new(admin: Administrator) -> Result<Response, PageError> {
    new_form(&admin).await?.respond()
}

/// `POST /admin/roles/new`: adds a role.
pub async fn add(mut form: AdminForm) -> Result<Response, PageError> {
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Add the role {} of administrators?", form.text("name")),
        lead: "The scopes of the new role are of administration. Whoever has the role will be an administrator.".to_owned(),
        path: "/admin/roles/new".to_owned(),
        back: "/admin/roles/new".to_owned(),
        submit: "Add the role",
        command: form.command_of(new_form(&form.admin).await?),
    };
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    let actor = form.careful_actor();
    let added = match roles::check(&form.admin.reading(), &form.text("name"), form.optional("display_name"), &form.lines("scopes")).await {
        Ok(role) => {
            let role = role.delegated(form.is_checked("delegated"));
            form.attempt(&actor, move |change| Box::pin(roles::add(change, role))).await
        }
        Err(refused) => Err(refused),
    };
    match added {
        Ok(role) => form.admin.done("added", &path(&role.name)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Err(refused) => form.refused(new_form(&form.admin).await?, refused),
    }
}

/// Returns the form of the role `name`, with what is saved.
async fn edit_form(admin: &Administrator, name: &str) -> Result<FormPage, PageError> {
    let role = roles::show(&admin.reading(), name).await.map_err(failed)?;
    let path = path(&role.name);
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::edit_role, role.name.clone())),
        heading: format!("Change the role {name}"),
        lead: "Users lose a scope that is taken away at the next refresh of each app.".to_owned(),
        action: format!("{path}/edit"),
        version: Some(role.version),
        fields: vec![Field::new("display_name", "Shown to people as", Kind::Text), scopes_field(), delegated_field()],
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    let value = |name: &str| match name {
        "display_name" => role.display_name.clone().unwrap_or_default(),
        "scopes" => role.scopes.join("\n"),
        _ => role.delegated.to_string(),
    };
    Ok(form.showing(value))
}

/// `GET /admin/roles/{name}/edit`: shows the form of a role.
pub async fn edit(admin: Administrator, Path(name): Path<String>) -> Result<Response, PageError> {
    edit_form(&admin, &name).await?.respond()
}

/// `POST /admin/roles/{name}/edit`: changes a role. Other scopes are confirmed with the password, on a page that says who gains and loses what.
pub async fn save(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let role = roles::show(&form.admin.reading(), &name).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(role.version) {
        return form.refused(edit_form(&form.admin, &name).await?, refused);
    }
    let scopes = form.lines("scopes");
    let add: Vec<String> = scopes.iter().filter(|scope| !role.scopes.contains(scope)).cloned().collect();
    let remove: Vec<String> = role.scopes.iter().filter(|scope| !scopes.contains(scope)).cloned().collect();
    let patch = RolePatch { display_name: Some(form.optional("display_name")), delegated: Some(form.is_checked("delegated")) };
    if !add.is_empty() || !remove.is_empty() {
        let subject = Subject::Role(role.name.clone());
        let actor = form.admin.as_confirmed();
        let effects = form.admin.effects(&actor, &subject, |change| Box::pin(apply(change, &name, (&add, &remove), patch.clone())));
        let effects = match effects.await {
            Ok(effects) => effects,
            Err(refused) => return form.refused(edit_form(&form.admin, &role.name).await?, refused),
        };
        let asked = Confirmation {
            section: SECTION,
            heading: format!("Change the rights of everyone with the role {}?", role.name),
            lead: effects,
            path: format!("{}/edit", path(&role.name)),
            back: path(&role.name),
            submit: "Change the scopes",
            command: form.command_of(edit_form(&form.admin, &role.name).await?),
        };
        if let Some(page) = form.confirmed(asked).await? {
            return Ok(page);
        }
    }
    match form.change_drawn(|change| Box::pin(apply(change, &name, (&add, &remove), patch))).await {
        Ok(role) => form.admin.done("saved", &path(&role.name)),
        Err(refused) => form.refused(edit_form(&form.admin, &role.name).await?, refused),
    }
}

/// Changes the scopes of a role, and then the rest of it. Fails with the faults of both.
async fn apply(change: &mut Change<'_>, name: &str, (add, remove): (&[String], &[String]), patch: RolePatch) -> Result<RoleView, Refused> {
    let scopes = roles::change_scopes(change, name, add, remove).await;
    change.expect_own_version();
    Faults::of_both(scopes, roles::edit(change, name, patch).await).map(|(_, role)| role)
}
