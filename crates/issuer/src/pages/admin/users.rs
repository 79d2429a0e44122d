//! The pages of users: the list, one user with everything that they may use, and the forms.

use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;

use secrecy::SecretString;

use crate::accounts::methods::password;
use crate::admin::authorizations::{self, AuthorizationFilter, AuthorizationView};
use crate::admin::sessions::{self, SessionView};
use crate::admin::users::{self, NewUser, PasswordHash, UserDraft, UserFilter, UserView};
use crate::admin::{Operation, Window};
use crate::app::App;
use crate::pages::account::{browser_name, moment};
use crate::pages::admin::view::{Button, Cell, Detail, Field, FormPage, Kind, List, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

const SECTION: &str = "Users";
const PATH: &str = "/admin/users";
/// The number of sessions and authorizations that the page of a user lists.
const LISTED: u64 = 20;

fn path(username: &str) -> String {
    format!("{PATH}/{}", encode(username))
}

/// `GET /admin/users`: lists the users.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let page = users::list(&admin.reading(), UserFilter::default(), &window(&query)).await.map_err(failed)?;
    let row = |user: UserView| {
        vec![
            Cell::link(PATH, &user.username),
            Cell::text(user.name.unwrap_or_default()),
            Cell::text(user.email.unwrap_or_default()),
            Cell::links("/admin/groups", &user.groups),
            Cell::links("/admin/roles", &user.roles),
            vec![state(user.enabled)],
        ]
    };
    let columns = ["Username", "Name", "Email", "Groups", "Roles", "State"];
    let list = List {
        frame: admin.frame(SECTION, "signet user list").await?,
        heading: "Users",
        lead: "People who can sign in. What they may use follows from their roles, which they have directly or through groups.",
        links: if admin.may(Operation::UserAdd) { vec![("Add a user", "/admin/users/new")] } else { Vec::new() },
        table: Table::new(&columns, "There are no more users.").filled(page, PATH, row),
    };
    html(&list, Csp::Own)
}

fn state(enabled: bool) -> Cell {
    Cell::badge(if enabled { "enabled" } else { "disabled" }, enabled)
}

/// `GET /admin/users/{username}`: shows a user.
pub async fn show(admin: Administrator, Path(username): Path<String>) -> Result<Response, PageError> {
    let reading = admin.reading();
    let user = users::show(&reading, &username).await.map_err(failed)?;
    let path = path(&user.username);
    let window = Window { after: None, limit: LISTED };
    let of_user = AuthorizationFilter { user: Some(user.id), client: None };
    let devices = sessions::list(&reading, Some(user.id), &window).await.map_err(failed)?;
    let apps = authorizations::list(&reading, &of_user, &window).await.map_err(failed)?;
    let facts = vec![
        ("Username", Cell::text(user.username.clone())),
        ("Name", Cell::text(user.name.clone().unwrap_or_else(|| "–".to_owned()))),
        ("Email", email(&user)),
        ("Groups", Cell::links("/admin/groups", &user.groups)),
        ("Roles", Cell::links("/admin/roles", &user.roles)),
        ("Added", Cell::text(moment(user.created_at))),
        ("Id (sub)", Cell::text(user.id.to_string())),
    ];
    let device = |session: SessionView| {
        vec![Cell::text(browser_name(&session.user_agent)), Cell::text(session.address), Cell::text(moment(session.last_used_at))]
    };
    let app = |given: AuthorizationView| {
        vec![Cell::link("/admin/clients", &given.client_id), Cell::text(given.scope), Cell::text(moment(given.last_used_at))]
    };
    let button = |label, action: &str| Button { about: format!("of {}", user.username), ..Button::new(label, &path, action).danger() };
    let ends = admin.may(Operation::SessionEndAll).then(|| button("End all devices", "end-sessions"));
    let ends_apps = admin.may(Operation::AuthorizationEndOfUser).then(|| button("End all apps", "end-authorizations"));
    let link = admin.may(Operation::UserLink) && user.enabled;
    let link =
        link.then(|| Button { about: format!("for {}", user.username), ..Button::new("Make a link to set a password", &path, "link") });
    let leaver = admin.may(Operation::UserDisable).then(|| {
        if user.enabled {
            Button { about: String::new(), ..button("Disable and end everything", "disable") }
        } else {
            Button::new("Enable", &path, "enable")
        }
    });
    let lifetime = admin.app.settings.access_token_lifetime;
    let leaving = if user.enabled {
        format!(
            "Disabling ends all devices and apps at once and refuses new sign-ins. Access tokens that services already hold live on until \
             they expire, {} minutes by default.",
            lifetime / 60
        )
    } else {
        "The user cannot sign in. Enabling lets them sign in again; what was ended stays ended.".to_owned()
    };
    let detail = Detail {
        frame: admin.frame(SECTION, format!("signet user show {}", user.username)).await?,
        heading: user.name.clone().unwrap_or_else(|| user.username.clone()),
        badges: vec![state(user.enabled)],
        sections: vec![
            Section {
                facts,
                links: admin.may(Operation::UserChangeRoles).then(|| ("Change roles", format!("{path}/roles"))).into_iter().collect(),
                ..Section::default()
            },
            Section {
                title: "Devices",
                table: Some(Table::new(&["Browser", "Address", "Last used"], "Signed in nowhere.").filled(devices, &path, device)),
                buttons: ends.into_iter().collect(),
                ..Section::default()
            },
            Section {
                title: "Apps",
                table: Some(Table::new(&["Client", "Scope", "Last used"], "No app can use the account.").filled(apps, &path, app)),
                buttons: ends_apps.into_iter().collect(),
                ..Section::default()
            },
            Section {
                title: "Password",
                lead: "Somebody who forgot the password sets a new one by a link, which works once within 24 hours.".to_owned(),
                buttons: link.into_iter().collect(),
                ..Section::default()
            },
            Section { title: "When they leave", lead: leaving, buttons: leaver.into_iter().collect(), ..Section::default() },
        ],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

fn email(user: &UserView) -> Vec<Cell> {
    match &user.email {
        None => Cell::text("–"),
        Some(email) => {
            let verified = if user.email_verified { "verified" } else { "not verified" };
            Cell::text(email.clone()).into_iter().chain([Cell::badge(verified, user.email_verified)]).collect()
        }
    }
}

/// `POST /admin/users/{username}`: does what a button of the page says.
pub async fn act(Path(username): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let user = users::show(&form.admin.reading(), &username).await.map_err(failed)?;
    let (path, id) = (path(&user.username), user.id);
    let action = form.text("action");
    if action == "link" {
        return link(&user, form).await;
    }
    if action == "disable" {
        let asked = Confirmation {
            section: SECTION,
            heading: format!("Disable {}?", user.username),
            lead: "All their devices are signed out and all their apps lose access. They cannot sign in until somebody enables them again."
                .to_owned(),
            path: path.clone(),
            back: path.clone(),
            submit: "Disable and end everything",
        };
        if let Some(page) = form.confirmed(asked).await? {
            return Ok(page);
        }
    }
    let admin = &form.admin;
    let notice = match action.as_str() {
        "disable" => admin.change(|change| Box::pin(users::disable(change, id))).await.map(|_| "disabled"),
        "enable" => admin.change(|change| Box::pin(users::enable(change, id))).await.map(|_| "enabled"),
        "end-sessions" => admin.change(|change| Box::pin(sessions::end_all(change, id))).await.map(|_| "ended"),
        "end-authorizations" => {
            let filter = AuthorizationFilter { user: Some(id), client: None };
            admin.change(|change| Box::pin(async move { authorizations::end_all(change, &filter).await })).await.map(|_| "ended")
        }
        _ => return Err(PageError::stale_form()),
    };
    admin.done(notice.map_err(failed)?, &path)
}

/// Makes a link by which `user` sets a password, and shows it once.
async fn link(user: &UserView, mut form: AdminForm) -> Result<Response, PageError> {
    let path = path(&user.username);
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Make a link for {}?", user.username),
        lead:
            "Whoever opens the link can set the password, which signs the user out everywhere. A link that was made before stops working."
                .to_owned(),
        path: path.clone(),
        back: path.clone(),
        submit: "Make the link",
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let (admin, id) = (&form.admin, user.id);
    let made = admin.change(|change| Box::pin(users::make_link(change, id))).await.map_err(failed)?;
    let detail = Detail {
        frame: admin.frame(SECTION, format!("signet user link {}", made.username)).await?,
        heading: format!("A link for {}", made.username),
        lead: format!("Give it to them, and to nobody else. It is not shown again, and works until {}.", moment(made.expires_at)),
        sections: vec![Section { text: made.url, links: vec![("Back to the user", path)], ..Section::default() }],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

async fn new_form(admin: &Administrator) -> Result<FormPage, PageError> {
    Ok(FormPage {
        frame: admin.frame(SECTION, "signet user add NAME --email ADDRESS").await?,
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

/// `POST /admin/users/new`: adds a user and shows the generated password once.
pub async fn add(State(app): State<Arc<App>>, form: AdminForm) -> Result<Response, PageError> {
    let draft = UserDraft {
        username: form.text("username"),
        email: form.optional("email"),
        email_verified: form.is_checked("email_verified"),
        name: form.optional("name"),
        roles: form.lines("roles"),
        groups: form.lines("groups"),
    };
    let admin = &form.admin;
    let user = match NewUser::check(draft) {
        Ok(user) => user,
        Err(refused) => return form.refused(new_form(admin).await?, refused),
    };
    let generated = password::random(&*app.clock);
    let hash = PasswordHash::generated(&app, SecretString::from(generated.as_str())).await.map_err(failed)?;
    match admin.change(move |change| Box::pin(users::add(change, user, hash))).await {
        Ok(user) => {
            let detail = Detail {
                frame: admin.frame(SECTION, "").await?,
                heading: format!("Added {}", user.username),
                badges: Vec::new(),
                lead: "Give them this password. It is not shown again, and they must choose their own when they first sign in.".to_owned(),
                sections: vec![Section { text: generated, links: vec![("Go to the user", path(&user.username))], ..Section::default() }],
            };
            html(&detail, Csp::Own)
        }
        Err(refused) => form.refused(new_form(admin).await?, refused),
    }
}

async fn roles_form(admin: &Administrator, user: &UserView) -> Result<FormPage, PageError> {
    let path = path(&user.username);
    Ok(FormPage {
        frame: admin.frame(SECTION, format!("signet user roles {} --add ROLE", user.username)).await?,
        heading: format!("Roles of {}", user.username),
        lead: "A role that is taken away ends at the next refresh of each app. Roles that come from groups are changed at the group."
            .to_owned(),
        action: format!("{path}/roles"),
        fields: vec![Field::new("roles", "Roles", Kind::Lines).hint("Names of roles, one per line.")],
        submit: "Save",
        back: path,
        ..FormPage::default()
    })
}

/// `GET /admin/users/{username}/roles`: shows the form for the roles of a user.
pub async fn roles(admin: Administrator, Path(username): Path<String>) -> Result<Response, PageError> {
    let user = users::show(&admin.reading(), &username).await.map_err(failed)?;
    let form = roles_form(&admin, &user).await?;
    form.filled(|_| user.roles.join("\n")).respond()
}

/// `POST /admin/users/{username}/roles`: gives the user the roles of the form, and no others.
pub async fn change_roles(Path(username): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let user = users::show(&form.admin.reading(), &username).await.map_err(failed)?;
    let chosen = form.lines("roles");
    let add: Vec<String> = chosen.iter().filter(|role| !user.roles.contains(role)).cloned().collect();
    let remove: Vec<String> = user.roles.iter().filter(|role| !chosen.contains(role)).cloned().collect();
    let path = path(&user.username);
    if !add.is_empty() {
        let asked = Confirmation {
            section: SECTION,
            heading: format!("Give {} more rights?", user.username),
            lead: format!("{} gets the roles: {}.", user.username, add.join(", ")),
            path: format!("{path}/roles"),
            back: path.clone(),
            submit: "Give the roles",
        };
        if let Some(page) = form.confirmed(asked).await? {
            return Ok(page);
        }
    }
    let admin = &form.admin;
    match admin.change(|change| Box::pin(users::change_roles(change, user.id, &add, &remove))).await {
        Ok(_) => admin.done("saved", &path),
        Err(refused) => form.refused(roles_form(admin, &user).await?, refused),
    }
}
