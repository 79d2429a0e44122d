//! The pages of groups.

use axum::extract::Path;
use axum::response::Response;

use crate::admin::applications::{self, GroupUse};
use crate::admin::groups::{self, GroupDraft, GroupFilter, GroupPatch, GroupView};
use crate::admin::member::MemberView;
use crate::admin::preview::Subject;
use crate::admin::{Fault, Listing, Operation, Refused};
use crate::oauth::group_name;
use crate::pages::account::moment;
use crate::pages::admin::effects::Members;
use crate::pages::admin::shell::Line;
use crate::pages::admin::view::{Button, Cell, Detail, Field, FormPage, Kind, List, Search, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, audit, commands, failed, shell, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

const SECTION: &str = "Groups";
const PATH: &str = "/admin/groups";

fn path(name: &str) -> String {
    format!("{PATH}/{}", encode(name))
}

/// `GET /admin/groups`: lists the groups.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let (reading, words) = (admin.reading(), query.text("q"));
    let page = groups::list(&reading, &GroupFilter { search: Some(words.to_owned()) }, &window(&query)).await.map_err(failed)?;
    let total = if words.is_empty() { None } else { Some(groups::count_found(&reading, words).await.map_err(failed)?) };
    let empty = match words {
        "" => "There are no groups yet. Add one for each team, give it roles, and let applications read it.",
        _ => "There are no more groups.",
    };
    let list = List {
        frame: admin.frame(SECTION, Line::new("group list").option("--search", words)).await?,
        heading: "Groups",
        lead: "Named sets of users. A group can carry roles, decide who may use an application, and be shown to applications.",
        links: vec![("Add a group", "/admin/groups/new")],
        search: Some(Search::new(PATH, "Search groups", words, total)),
        table: Table::new(&COLUMNS, empty).filled(page, &Search::path(PATH, words), row),
        ..List::default()
    };
    html(&list, Csp::Own)
}

/// The columns of a list of groups.
pub(super) const COLUMNS: [&str; 4] = ["Name", "Shown as", "Roles", "Notes"];

/// Returns the cells of a group in a list.
pub(super) fn row(group: GroupView) -> Vec<Vec<Cell>> {
    let marks = [(group.is_default, "takes in new users"), (group.delegated, "delegated")];
    vec![
        Cell::link(PATH, &group.name),
        Cell::text(group.display_name.unwrap_or_default()),
        Cell::links("/admin/roles", &group.roles),
        marks.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| Cell::badge(text, true)).collect(),
    ]
}

/// `GET /admin/groups/{name}`: shows a group with its members.
pub async fn show(admin: Administrator, Path(name): Path<String>, query: PageQuery) -> Result<Response, PageError> {
    let reading = admin.reading();
    let group = groups::show(&reading, &name).await.map_err(failed)?;
    let members = groups::members(&reading, &name, &window(&query)).await.map_err(failed)?;
    let count = groups::count_members(&reading, &name).await.map_err(failed)?;
    let uses = applications::of_group(&reading, &name).await.map_err(failed)?;
    let path = path(&group.name);
    let use_row = |one: GroupUse| {
        let how = one.how();
        let how = format!("{}{}", how[..1].to_uppercase(), &how[1..]);
        vec![Cell::link("/admin/clients", &one.client_id), Cell::text(one.client_name), Cell::text(how)]
    };
    let uses = Table::new(&["Client", "Name", "For what"], "No client uses it.").filled(Listing::whole(uses), &path, use_row);
    let row = |member: MemberView| vec![Cell::link("/admin/users", &member.username), Cell::text(member.name.unwrap_or_default())];
    let yes_or_no = |holds: bool| Cell::text(if holds { "yes" } else { "no" });
    let removal = Button::new("Remove the group", &path, "remove").danger();
    let counted = if count < 1000 { count.to_string() } else { "1,000 or more".to_owned() };
    let mut frame = admin.frame(SECTION, shell::line("group show", &[&group.name], "")).await?;
    let mut about_members = format!("Members: {counted}.");
    if groups::require_open(&reading, &group).is_err() {
        frame.offers = frame.offers.only_reading();
        about_members += " Only an administrator may change them.";
    }
    let detail = Detail {
        frame,
        heading: group.display_name.clone().unwrap_or_else(|| group.name.clone()),
        sections: vec![
            Section {
                facts: vec![
                    ("Name", Cell::text(group.name.clone())),
                    ("Roles", Cell::links("/admin/roles", &group.roles)),
                    ("Takes in new users", yes_or_no(group.is_default)),
                    ("Help desk may change members", yes_or_no(group.delegated)),
                    ("External id", Cell::text(group.external_id.clone().unwrap_or_else(|| "–".to_owned()))),
                    ("Added", Cell::text(moment(group.created_at))),
                ],
                links: vec![("Change the group", format!("{path}/edit")), ("History", audit::history("group", &group.name))],
                buttons: vec![removal],
                ..Section::default()
            },
            Section {
                title: "Members",
                lead: about_members,
                table: Some(Table::new(&["Username", "Name"], "Nobody is a member yet.").filled(members, &path, row)),
                links: vec![("Add or remove members", format!("{path}/members"))],
                ..Section::default()
            },
            Section {
                title: "Clients that use it",
                lead: "Clients that have it among their groups or in a map of groups, or are told of it because of how its name begins."
                    .to_owned(),
                table: Some(uses),
                ..Section::default()
            },
        ],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

/// `POST /admin/groups/{name}`: removes a group.
pub async fn act(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    if form.text("action") != "remove" {
        return Err(PageError::stale_form());
    }
    let group = match groups::show(&form.admin.reading(), &name).await {
        Ok(group) => group,
        Err(refused) => return form.removed_already(refused, PATH),
    };
    form.show_version(group.version);
    let count = groups::count_members(&form.admin.reading(), &name).await.map_err(failed)?;
    let members = match count {
        0 => "It has no members who would lose".to_owned(),
        1 => "Its only member loses".to_owned(),
        1000.. => "Its members, 1,000 or more, lose".to_owned(),
        several => format!("Its {several} members lose"),
    };
    let subject = Subject::Group(group.name.clone());
    let actor = form.admin.as_confirmed();
    let effects = form.admin.effects(&actor, &subject, |change| Box::pin(groups::remove(change, &name))).await.map_err(failed)?;
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Remove the group {}?", group.name),
        lead: format!(
            "{members} the roles that it carries, and the applications that only this group may use. Its name is never given \
             to another group, because applications may know it. {effects}"
        ),
        path: path(&group.name),
        back: path(&group.name),
        submit: "Remove the group",
        command: shell::line("group remove", &[&group.name], ""),
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    match form.change_drawn(|change| Box::pin(groups::remove(change, &name))).await {
        Ok(_) => form.admin.done("removed", PATH),
        Err(refused) => form.removed_already(refused, PATH),
    }
}

fn fields() -> Vec<Field> {
    vec![
        Field::new("name", "Name", Kind::Text).hint("Applications see it. At most 128 characters, without commas."),
        Field::new("display_name", "Shown to people as", Kind::Text),
        Field::new("external_id", "External id", Kind::Text).hint("The id in the system that manages the groups, if there is one."),
        Field::new("roles", "Roles", Kind::Lines).hint("Every member has these. Names of roles, one per line."),
        Field::new("is_default", "Make each new user a member", Kind::Check),
        Field::new("delegated", "Let the help desk change the members", Kind::Check),
    ]
}

async fn new_form(admin: &Administrator) -> Result<FormPage, PageError> {
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::add_group, String::new())),
        heading: "Add a group".to_owned(),
        action: "/admin/groups/new".to_owned(),
        fields: fields(),
        submit: "Add the group",
        back: PATH.to_owned(),
        ..FormPage::default()
    })
}

/// `GET /admin/groups/new`: shows the form for a new group.
pub async fn new(admin: Administrator) -> Result<Response, PageError> {
    new_form(&admin).await?.respond()
}

/// `POST /admin/groups/new`: adds a group.
pub async fn add(mut form: AdminForm) -> Result<Response, PageError> {
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Add the group {} of administrators?", form.text("name")),
        lead: "The roles of the new group hold a scope of administration. Its members will be administrators.".to_owned(),
        path: "/admin/groups/new".to_owned(),
        back: "/admin/groups/new".to_owned(),
        submit: "Add the group",
        command: form.command_of(new_form(&form.admin).await?),
    };
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    let draft = GroupDraft {
        name: form.text("name"),
        display_name: form.optional("display_name"),
        external_id: form.optional("external_id"),
        roles: form.lines("roles"),
        delegated: form.is_checked("delegated"),
        is_default: form.is_checked("is_default"),
    };
    let actor = form.careful_actor();
    match form.attempt(&actor, move |change| Box::pin(groups::add(change, draft))).await {
        Ok(group) => form.admin.done("added", &path(&group.name)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Err(refused) => form.refused(new_form(&form.admin).await?, refused),
    }
}

/// Returns the form of the group `name`, with what is saved.
async fn edit_form(admin: &Administrator, name: &str) -> Result<FormPage, PageError> {
    let group = groups::show(&admin.reading(), name).await.map_err(failed)?;
    let path = path(&group.name);
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::edit_group, group.name.clone())),
        heading: format!("Change the group {}", group.name),
        lead: "A name that the group gives up is never given to another group.".to_owned(),
        action: format!("{path}/edit"),
        version: Some(group.version),
        fields: fields(),
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    let value = |name: &str| match name {
        "name" => group.name.clone(),
        "display_name" => group.display_name.clone().unwrap_or_default(),
        "external_id" => group.external_id.clone().unwrap_or_default(),
        "roles" => group.roles.join("\n"),
        "is_default" => group.is_default.to_string(),
        _ => group.delegated.to_string(),
    };
    Ok(form.showing(value))
}

/// `GET /admin/groups/{name}/edit`: shows the form of a group.
pub async fn edit(admin: Administrator, Path(name): Path<String>) -> Result<Response, PageError> {
    edit_form(&admin, &name).await?.respond()
}

/// Says what follows if the group gets the name `typed`. `None` if that is its name already.
fn renamed(group: &GroupView, typed: &str) -> Option<String> {
    let (old, new) = (&group.name, group_name::normalize(typed));
    if new == *old {
        return None;
    }
    let retired = if group_name::folded(&new) == group_name::folded(old) {
        String::new()
    } else {
        format!(" The name {old} is never given to another group.")
    };
    Some(format!(
        "Applications know the group by its name. They are told {new} from now on, and what they grant to {old} is lost until somebody \
         changes them, too. The group stays in the maps and in the lists of groups of clients.{retired}"
    ))
}

/// Says what follows if the group begins or ends to take in new users, or to be changed by the help desk. `None` if neither changes.
fn switched(group: &GroupView, patch: &GroupPatch) -> Option<String> {
    let roles = match patch.roles.as_ref().unwrap_or(&group.roles).as_slice() {
        [] => "no roles".to_owned(),
        roles => format!("these roles: {}", roles.join(", ")),
    };
    let default = match patch.is_default.filter(|new| *new != group.is_default) {
        Some(true) => Some(format!(
            "Every user who is added from now on becomes a member and gets {roles}. Users who exist already gain nothing; add them to the \
             group if they should."
        )),
        Some(false) => Some("Users who are added from now on do not become members. Those who are members stay so.".to_owned()),
        None => None,
    };
    let delegated = match patch.delegated.filter(|new| *new != group.delegated) {
        Some(true) => Some(format!("The help desk may add everybody who is no administrator, and gives them {roles} by that.")),
        Some(false) => Some("The help desk may no longer change the members. Those who are members stay so.".to_owned()),
        None => None,
    };
    let sentences: Vec<String> = default.into_iter().chain(delegated).collect();
    if sentences.is_empty() { None } else { Some(sentences.join(" ")) }
}

/// `POST /admin/groups/{name}/edit`: changes a group. Other roles are confirmed with the password, on a page that says who gains and loses
/// what. A new name and the switches are confirmed without it.
pub async fn save(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let group = groups::show(&form.admin.reading(), &name).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(group.version) {
        return form.refused(edit_form(&form.admin, &name).await?, refused);
    }
    let roles = form.lines("roles");
    let patch = GroupPatch {
        name: Some(form.text("name")),
        display_name: Some(form.optional("display_name")),
        external_id: Some(form.optional("external_id")),
        roles: Some(roles.clone()),
        delegated: Some(form.is_checked("delegated")),
        is_default: Some(form.is_checked("is_default")),
    };
    let changes_roles = roles.iter().any(|role| !group.roles.contains(role)) || group.roles.iter().any(|role| !roles.contains(role));
    let renamed = renamed(&group, &form.text("name"));
    let tells_effects = changes_roles || renamed.is_some();
    let others: Vec<String> = renamed.into_iter().chain(switched(&group, &patch)).collect();
    if tells_effects || !others.is_empty() {
        let subject = Subject::Group(group.name.clone());
        let actor = form.admin.as_confirmed();
        let tried = patch.clone();
        let effects = match form.admin.effects(&actor, &subject, |change| Box::pin(groups::edit(change, &name, tried))).await {
            Ok(effects) => effects,
            Err(refused) => return form.refused(edit_form(&form.admin, &name).await?, refused),
        };
        let (heading, submit) = if changes_roles {
            (format!("Change the rights of the members of {}?", group.name), "Change the roles")
        } else {
            (format!("Change the group {}?", group.name), "Save")
        };
        let lead = tells_effects.then_some(effects).into_iter().chain(others).collect::<Vec<_>>().join(" ");
        let (path, back) = (format!("{}/edit", path(&group.name)), path(&group.name));
        let command = form.command_of(edit_form(&form.admin, &name).await?);
        let asked = Confirmation { section: SECTION, heading, lead, path, back, submit, command };
        let page = if changes_roles { form.confirmed(asked).await? } else { form.agreed(asked).await? };
        if let Some(page) = page {
            return Ok(page);
        }
    }
    match form.change_drawn(|change| Box::pin(groups::edit(change, &name, patch))).await {
        Ok(group) => form.admin.done("saved", &path(&group.name)),
        Err(refused) => form.refused(edit_form(&form.admin, &name).await?, refused),
    }
}

async fn members_form(admin: &Administrator, name: &str) -> Result<FormPage, PageError> {
    let path = path(name);
    let mut lead = "New members have the roles of the group at once. Those who leave lose them at the next refresh of each app.".to_owned();
    if !admin.may(Operation::GroupEdit) {
        lead += " Only an administrator may add or take out users who hold a scope of administration.";
    }
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::change_members, name.to_owned())),
        heading: format!("Members of {name}"),
        lead,
        action: format!("{path}/members"),
        fields: vec![
            Field::new("add", "Add", Kind::Lines).hint("Usernames, one per line."),
            Field::new("remove", "Take out", Kind::Lines).hint("Usernames, one per line."),
        ],
        submit: "Change the members",
        back: path,
        ..FormPage::default()
    })
}

/// `GET /admin/groups/{name}/members`: shows the form for the members of a group.
pub async fn members(admin: Administrator, Path(name): Path<String>) -> Result<Response, PageError> {
    let group = groups::show(&admin.reading(), &name).await.map_err(failed)?;
    groups::require_open(&admin.reading(), &group).map_err(failed)?;
    members_form(&admin, &group.name).await?.respond()
}

/// `POST /admin/groups/{name}/members`: changes the members of a group, after a page that says who gains and loses what.
pub async fn change_members(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let (add, remove) = (form.lines("add"), form.lines("remove"));
    let path = path(&name);
    let group = groups::show(&form.admin.reading(), &name).await.map_err(failed)?;
    form.show_version(group.version);
    if add.is_empty() && remove.is_empty() {
        let nobody = Refused::invalid("add", "one or more usernames to add or to take out");
        return form.refused(members_form(&form.admin, &name).await?, nobody);
    }
    let place = (SECTION, format!("{path}/members"), path.clone());
    match form.change_members(place, &name, &add, &remove).await? {
        Members::Asked(page) => Ok(page),
        Members::Changed => form.admin.done("saved", &path),
        Members::Refused(Refused::Invalid(faults)) => {
            let shown = |fault: Fault| {
                let is_added = fault.item.as_ref().is_none_or(|username| add.contains(username));
                fault.shown_as("members", if is_added { "add" } else { "remove" })
            };
            let refused = Refused::Invalid(faults.into_iter().map(shown).collect());
            form.refused(members_form(&form.admin, &name).await?, refused)
        }
        Members::Refused(refused) => form.refused(members_form(&form.admin, &name).await?, refused),
    }
}
