//! The pages of users: the list, and the forms that add a user and change their roles.

use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

use secrecy::SecretString;
use uuid::Uuid;

use crate::accounts::methods::password;
use crate::admin::groups::{self, GroupFilter};
use crate::admin::permission::{out_of_bounds, require_over};
use crate::admin::preview::Subject;
use crate::admin::roles;
use crate::admin::users::{self, NewUser, PasswordHash, UserDraft, UserFilter, UserView};
use crate::admin::{Fault, Operation, Refused, Window};
use crate::app::App;
use crate::pages::admin::effects::Members;
use crate::pages::admin::shell::Line;
use crate::pages::admin::version::explained;
use crate::pages::admin::view::{Cell, Choose, Detail, Field, FormPage, Kind, List, Search, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, commands, failed, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Hidden, html};

pub(super) const SECTION: &str = "Users";
pub(super) const PATH: &str = "/admin/users";
/// The number of groups among which the list of users lets choose.
const OFFERED: u64 = 100;
pub(super) fn path(username: &str) -> String {
    format!("{PATH}/{}", encode(username))
}

/// `GET /admin/users`: lists the users.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let (reading, words) = (admin.reading(), query.text("q"));
    let filter = UserFilter { search: Some(words.to_owned()), ..UserFilter::default() };
    let page = users::list(&reading, &filter, &window(&query)).await.map_err(failed)?;
    let total = if words.is_empty() { None } else { Some(users::count_found(&reading, words).await.map_err(failed)?) };
    let chooses = admin.may(Operation::GroupChangeMembers);
    let ids: Vec<Uuid> = if chooses { page.items.iter().map(|user| user.id).collect() } else { Vec::new() };
    let closed = out_of_bounds(&reading, &ids).await.map_err(failed)?;
    let name = |user: &UserView| if closed.contains(&user.id) { String::new() } else { user.username.clone() };
    let names: Vec<String> = page.items.iter().map(name).collect();
    let mut table = Table::new(&COLUMNS, "There are no more users.").filled(page, &Search::path(PATH, words), row);
    let mut choose = None;
    if chooses && let Some(form) = choose_group(&admin).await? {
        table = table.with_choices(names);
        choose = Some(form);
    }
    let lead = if choose.is_none() || closed.is_empty() {
        "People who can sign in. What they may use follows from their roles, which they have directly or through groups."
    } else {
        "People who can sign in. Those without a box hold a scope of administration, so only an administrator may change them."
    };
    let list = List {
        frame: admin.frame(SECTION, Line::new("user list").option("--search", words)).await?,
        heading: "Users",
        lead,
        links: vec![("Add a user", "/admin/users/new")],
        table,
        choose,
        search: Some(Search::new(PATH, "Search users", words, total)),
        ..List::default()
    };
    html(&list, Csp::Own)
}

/// Returns the form that adds the chosen users to a group. It offers the first groups that the administrator may change; `None` if there is
/// no such group.
async fn choose_group(admin: &Administrator) -> Result<Option<Choose>, PageError> {
    let known: Vec<String> = if admin.may(Operation::GroupEdit) {
        let window = Window { after: None, limit: OFFERED };
        let page = groups::list(&admin.reading(), &GroupFilter::default(), &window).await.map_err(failed)?;
        page.items.into_iter().map(|group| group.name).collect()
    } else {
        groups::delegated(&admin.reading(), OFFERED).await.map_err(failed)?
    };
    Ok((!known.is_empty()).then_some(Choose {
        path: PATH,
        action: "add-to-group",
        field: Field::new("group", "Add the chosen users to the group", Kind::Text).hint("A page says first who gains what."),
        known,
        submit: "Add to the group",
    }))
}

/// `POST /admin/users`: adds the chosen users to a group, after a page that says who gains what. If that is refused, a form keeps the choice.
pub async fn choose(mut form: AdminForm) -> Result<Response, PageError> {
    let ticked = form.form.iter().filter_map(|(name, value)| name.strip_prefix("user.").filter(|_| value == "true").map(str::to_owned));
    let (mut users, group) = (ticked.chain(form.lines("users")).collect::<Vec<_>>(), form.text("group"));
    users.sort_unstable();
    let mut faults = Vec::new();
    match groups::show(&form.admin.reading(), &group).await {
        Ok(found) => form.show_version(found.version),
        Err(Refused::NotFound { .. }) => faults.push(Fault::new("group", "the name of a group that exists")),
        Err(other) => return Err(failed(other)),
    }
    let refused = if users.is_empty() {
        faults.push(Fault::new("users", "one or more usernames, typed here or ticked in the list of users"));
        Refused::Invalid(faults)
    } else {
        // The users are looked up even if there is no such group.
        match form.change_members((SECTION, PATH.to_owned(), PATH.to_owned()), &group, &users, &[]).await? {
            Members::Asked(page) => return Ok(page),
            Members::Changed => return form.admin.done("saved", PATH),
            Members::Refused(Refused::NotFound { .. }) => Refused::Invalid(faults),
            Members::Refused(Refused::Invalid(of_users)) => {
                faults.extend(of_users.into_iter().map(|fault| fault.shown_as("members", "users")));
                Refused::Invalid(faults)
            }
            Members::Refused(other) => other,
        }
    };
    let page = FormPage {
        frame: form.admin.frame(SECTION, "").await?,
        command: Some((commands::add_to_group, String::new())),
        heading: "Add the chosen users to a group".to_owned(),
        action: PATH.to_owned(),
        hidden: vec![Hidden::new("action", "add-to-group")],
        fields: vec![
            Field::new("users", "Users", Kind::Lines).hint("Usernames, one per line.").value(users.join("\n")),
            Field::new("group", "Group", Kind::Text).value(group),
        ],
        submit: "Add to the group",
        back: PATH.to_owned(),
        ..FormPage::default()
    };
    explained(page, refused)
}

/// The columns of a list of users.
pub(super) const COLUMNS: [&str; 6] = ["Username", "Name", "Email", "Groups", "Roles", "State"];

/// Returns the cells of a user in a list.
pub(super) fn row(user: UserView) -> Vec<Vec<Cell>> {
    vec![
        Cell::link(PATH, &user.username),
        Cell::text(user.name.unwrap_or_default()),
        Cell::text(user.email.unwrap_or_default()),
        Cell::links("/admin/groups", &user.groups),
        Cell::links("/admin/roles", &user.roles),
        vec![state(user.enabled)],
    ]
}

pub(super) fn state(enabled: bool) -> Cell {
    Cell::badge(if enabled { "enabled" } else { "disabled" }, enabled)
}

async fn new_form(admin: &Administrator) -> Result<FormPage, PageError> {
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::add_user, String::new())),
        heading: "Add a user".to_owned(),
        lead: "The user gets a password that is shown once. They must choose their own when they first sign in.".to_owned(),
        action: "/admin/users/new".to_owned(),
        fields: vec![
            Field::new("username", "Username", Kind::Text).hint("For signing in: a-z 0-9 . _ + - @. It is never given to somebody else."),
            Field::new("name", "Full name", Kind::Text),
            Field::new("email", "Email address", Kind::Text),
            Field::new("email_verified", "The address is known to belong to the user", Kind::Check),
            Field::new("groups", "Groups", Kind::Lines).hint("Names of groups, one per line, beside the default groups."),
            Field::new("roles", "Roles", Kind::Lines).hint("Names of roles, one per line."),
        ],
        submit: "Add the user",
        back: PATH.to_owned(),
        ..FormPage::default()
    })
}

/// `GET /admin/users/new`: shows the form for a new user.
pub async fn new(admin: Administrator) -> Result<Response, PageError> {
    new_form(&admin).await?.respond()
}

/// Says what the new user may do, for the page that asks for the password.
fn what_is_given(form: &AdminForm) -> String {
    let name = form.text("username");
    let mut sentences = vec![format!("The next page shows a password once, by which {name} can sign in.")];
    if form.is_checked("email_verified") {
        sentences.push(format!("Applications trust that {} belongs to {name}, and may give them its rights.", form.text("email")));
    }
    let given = [form.lines("roles"), form.lines("groups")].concat();
    if !given.is_empty() {
        let given = given.join(", ");
        sentences
            .push(format!("They get these roles and groups: {given}. Whoever gets a scope of administration by one is an administrator."));
    }
    sentences.join(" ")
}

/// `POST /admin/users/new`: adds a user, after a page that asks for the password of the administrator, and shows the generated one once.
pub async fn add(State(app): State<Arc<App>>, mut form: AdminForm) -> Result<Response, PageError> {
    let command = form.command_of(new_form(&form.admin).await?);
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Add the user {}?", form.text("username")),
        lead: what_is_given(&form),
        path: "/admin/users/new".to_owned(),
        back: "/admin/users/new".to_owned(),
        submit: "Add the user",
        command: command.clone(),
    };
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    let draft = UserDraft {
        username: form.text("username"),
        email: form.optional("email"),
        email_verified: form.is_checked("email_verified"),
        name: form.optional("name"),
        roles: form.lines("roles"),
        groups: form.lines("groups"),
        ..UserDraft::default()
    };
    let admin = &form.admin;
    let generated = password::random(&*app.clock);
    match attempt_add(&form, draft, &generated).await {
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Ok(user) => {
            let detail = Detail {
                frame: admin.frame(SECTION, command).await?,
                heading: format!("Added {}", user.username),
                badges: Vec::new(),
                lead: "Give them this password. It is not shown again, and they must choose their own when they first sign in.".to_owned(),
                sections: vec![Section { text: generated, links: vec![("Go to the user", path(&user.username))], ..Section::default() }],
            };
            html(&detail, Csp::Own)
        }
        Err(refused) => match users::show(&admin.reading(), &form.text("username")).await {
            Ok(user) if form.is_confirmation() && matches!(refused, Refused::Taken(_)) && is_as_typed(&form, &user) => {
                let lead =
                    "The password was shown once, in the answer to that. If you have not got it, make a link by which the user sets one.";
                form.added_already(SECTION, &user.username, lead, ("Go to the user", path(&user.username))).await
            }
            _ => form.refused(new_form(admin).await?, refused),
        },
    }
}

/// Returns whether `user` is as it was typed. Then this form has added the user before, and nobody else has.
fn is_as_typed(form: &AdminForm, user: &UserView) -> bool {
    let has_all = |own: &[String], field: &str| form.lines(field).iter().all(|typed| own.contains(typed));
    user.email == form.optional("email")
        && user.name == form.optional("name")
        && has_all(&user.roles, "roles")
        && has_all(&user.groups, "groups")
}

/// Adds the user that was typed. Unless the password of the administrator was just given, adds nobody: fails with all that is wrong, or else with
/// [`Refused::StaleAuthentication`].
async fn attempt_add(form: &AdminForm, draft: UserDraft, password: &str) -> Result<UserView, Refused> {
    let admin = &form.admin;
    let user = NewUser::check_all(&admin.reading(), draft).await?;
    let hash = PasswordHash::generated(&admin.app, SecretString::from(password)).await?;
    if form.is_confirmation() {
        return admin.change(move |change| Box::pin(users::add(change, user, hash))).await;
    }
    let actor = admin.as_confirmed();
    let tried = admin.try_out(&actor, move |change| Box::pin(users::add(change, user, hash))).await;
    tried.and(Err(Refused::StaleAuthentication))
}

/// Returns the form for the roles of the user `username`, with those that are saved.
async fn roles_form(admin: &Administrator, username: &str) -> Result<FormPage, PageError> {
    let user = users::show(&admin.reading(), username).await.map_err(failed)?;
    let path = path(&user.username);
    let mut lead =
        "A role that is taken away ends at the next refresh of each app. Roles that come from groups are changed at the group.".to_owned();
    if !admin.may(Operation::UserEditEverything) {
        let delegated = roles::delegated(&admin.reading()).await.map_err(failed)?;
        lead += &format!(" The help desk gives and takes these roles: {}. An administrator may change the others.", delegated.join(", "));
    }
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::change_user_roles, user.username.clone())),
        heading: format!("Roles of {}", user.username),
        lead,
        action: format!("{path}/roles"),
        version: Some(user.version),
        fields: vec![Field::new("roles", "Roles", Kind::Lines).hint("Names of roles, one per line.")],
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    Ok(form.showing(|_| user.roles.join("\n")))
}

/// `GET /admin/users/{username}/roles`: shows the form for the roles of a user.
pub async fn roles_of(admin: Administrator, Path(username): Path<String>) -> Result<Response, PageError> {
    let user = users::show(&admin.reading(), &username).await.map_err(failed)?;
    require_over(&admin.reading(), user.id).await.map_err(failed)?;
    if !may_give_roles(&admin).await? {
        let reason = "no role is delegated to the help desk; an administrator may do this".to_owned();
        return Err(failed(Refused::Protected(reason)));
    }
    roles_form(&admin, &username).await?.respond()
}

/// Returns whether there is a role that the administrator may give and take.
pub(super) async fn may_give_roles(admin: &Administrator) -> Result<bool, PageError> {
    Ok(admin.may(Operation::UserEditEverything) || !roles::delegated(&admin.reading()).await.map_err(failed)?.is_empty())
}

/// `POST /admin/users/{username}/roles`: gives the user the roles of the form, and no others.
pub async fn change_roles(Path(username): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let user = users::show(&form.admin.reading(), &username).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(user.version) {
        return form.refused(roles_form(&form.admin, &username).await?, refused);
    }
    let chosen = form.lines("roles");
    let add: Vec<String> = chosen.iter().filter(|role| !user.roles.contains(role)).cloned().collect();
    let remove: Vec<String> = user.roles.iter().filter(|role| !chosen.contains(role)).cloned().collect();
    let path = path(&user.username);
    if !add.is_empty() || !remove.is_empty() {
        let subject = Subject::Users(vec![user.username.clone()]);
        let actor = form.admin.as_confirmed();
        let effects = form.admin.effects(&actor, &subject, |change| Box::pin(users::change_roles(change, user.id, &add, &remove)));
        let effects = match effects.await {
            Ok(effects) => effects,
            Err(refused) => return form.refused(roles_form(&form.admin, &username).await?, refused),
        };
        let name = &user.username;
        let (heading, submit) = match (add.is_empty(), remove.is_empty()) {
            (false, true) => (format!("Give {name} more rights?"), "Give the roles"),
            (true, _) => (format!("Take rights from {name}?"), "Take the roles"),
            (false, false) => (format!("Change the rights of {name}?"), "Change the roles"),
        };
        let mut lead = String::new();
        for (verb, roles) in [("gets", &add), ("loses", &remove)] {
            if !roles.is_empty() {
                lead += &format!("{name} {verb} the roles: {}. ", roles.join(", "));
            }
        }
        let command = form.command_of(roles_form(&form.admin, &username).await?);
        let (lead, back) = (lead + &effects, path.clone());
        let asked = Confirmation { section: SECTION, heading, lead, path: format!("{path}/roles"), back, submit, command };
        if let Some(page) = form.confirmed(asked).await? {
            return Ok(page);
        }
    }
    match form.change_drawn(|change| Box::pin(users::change_roles(change, user.id, &add, &remove))).await {
        Ok(_) => form.admin.done("saved", &path),
        Err(refused) => form.refused(roles_form(&form.admin, &username).await?, refused),
    }
}
