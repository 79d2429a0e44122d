//! The page of one user: what they may use and by which path, where they are signed in, and what an administrator can do for them.

use axum::extract::Path;
use axum::response::Response;
use uuid::Uuid;

use crate::admin::applications::{self, ApplicationView};
use crate::admin::authorizations::{self, AuthorizationFilter, AuthorizationView};
use crate::admin::consents::{self, ConsentView};
use crate::admin::patch::Patch;
use crate::admin::preview::{self, Subject};
use crate::admin::roles::{self, Held};
use crate::admin::sessions::{self, SessionView};
use crate::admin::users::{self, MethodView, UserPatch, UserView};
use crate::admin::words::{counted, duration};
use crate::admin::{Listing, Operation, Reading, Refused, Window};
use crate::oauth::attribute_type::texts;
use crate::oauth::scope::{is_administration, words};
use crate::pages::account::{browser_name, moment};
use crate::pages::admin::effects::tokens;
use crate::pages::admin::offers::Offers;
use crate::pages::admin::resources::{owners, scope_links};
use crate::pages::admin::users::{PATH, SECTION, may_give_roles, path, state};
use crate::pages::admin::view::{Button, Cell, Detail, Section, Table};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, audit, failed, shell};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Hidden, html};

/// The number of sessions and authorizations that the page of a user lists.
const LISTED: u64 = 20;

/// `GET /admin/users/{username}`: shows a user.
pub async fn show(admin: Administrator, Path(username): Path<String>) -> Result<Response, PageError> {
    let reading = admin.reading();
    let user = users::show(&reading, &username).await.map_err(failed)?;
    let (rights, is_administrator) = rights(&reading, &user).await?;
    let mut frame = admin.frame(SECTION, shell::line("user show", &[&user.username], "")).await?;
    let mut lead = String::new();
    if is_administrator && !admin.may(Operation::UserEditEverything) {
        frame.offers = frame.offers.only_reading();
        "Only an administrator may change this user, who holds a scope of administration.".clone_into(&mut lead);
    }
    let mut sections = vec![
        facts(&user, may_give_roles(&admin).await?),
        methods(&user),
        rights,
        applications(&admin, &user).await?,
        devices(&admin, &user).await?,
        apps(&admin, &user).await?,
        allowed(&admin, &user).await?,
    ];
    sections.extend(frame.offers.may(Operation::UserLink).then(|| password(&user)));
    sections.extend(leaving(&admin, &user, &frame.offers));
    let mut badges = vec![state(user.enabled)];
    badges.extend(user.locked_until.map(|until| Cell::badge(format!("must wait until {}", moment(until)), false)));
    let detail = Detail { frame, heading: user.name.clone().unwrap_or_else(|| user.username.clone()), badges, lead, sections };
    html(&detail, Csp::Own)
}

/// Shows what is known of the user. `gives_roles` says that there is a role that the administrator may give.
fn facts(user: &UserView, gives_roles: bool) -> Section {
    let or_dash = |text: Option<&String>| Cell::text(text.cloned().unwrap_or_else(|| "–".to_owned()));
    let mut facts = vec![
        ("Username", Cell::text(user.username.clone())),
        ("Name", or_dash(user.name.as_ref())),
        ("Email", email(user)),
        ("Groups", Cell::links("/admin/groups", &user.groups)),
        ("Roles", Cell::links("/admin/roles", &user.roles)),
        ("External id", or_dash(user.external_id.as_ref())),
        ("Last sign-in", Cell::text(user.last_sign_in_at.map_or_else(|| "never".to_owned(), moment))),
        ("Added", Cell::text(moment(user.created_at))),
        ("Id (sub)", Cell::text(user.id.to_string())),
    ];
    let list = |pairs: Vec<String>| Cell::text(pairs.join("; "));
    if !user.attributes.is_empty() {
        let shown = |(name, value)| format!("{name}: {}", texts(value).unwrap_or_default().join(", "));
        facts.push(("Attributes", list(user.attributes.iter().map(shown).collect())));
    }
    if !user.claims.is_empty() {
        facts.push(("Claims", list(user.claims.iter().map(|(claim, value)| format!("{claim}: {value}")).collect())));
    }
    let path = path(&user.username);
    let mut links = vec![("Change the user", format!("{path}/edit"))];
    links.extend(gives_roles.then(|| ("Change roles", format!("{path}/roles"))));
    links.push(("History", audit::history("user", &user.username)));
    let verify = user.email.is_some() && !user.email_verified;
    let mut buttons: Vec<Button> = verify.then(|| Button::new("Mark the address as verified", &path, "verify")).into_iter().collect();
    buttons.extend(user.locked_until.map(|_| Button::new("Unlock", &path, "unlock")));
    Section { facts, links, buttons, ..Section::default() }
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

/// Shows by which role the user holds each scope, and by which group they have that role. Returns also whether they hold a scope of
/// administration.
async fn rights(reading: &Reading<'_>, user: &UserView) -> Result<(Section, bool), PageError> {
    let mut rows: Vec<(Held, Vec<String>)> = Vec::new();
    for held in roles::held(reading, user.id).await.map_err(failed)? {
        let scopes = roles::show(reading, &held.role).await.map_err(failed)?.scopes;
        rows.push((held, scopes));
    }
    let is_administrator = rows.iter().flat_map(|(_, scopes)| scopes).any(|scope| is_administration(scope));
    let owners = owners(reading, rows.iter().flat_map(|(_, scopes)| scopes.iter().map(String::as_str))).await?;
    let row = |(held, scopes): (Held, Vec<String>)| {
        let through = held.through.map_or_else(|| Cell::text("directly"), |group| Cell::link("/admin/groups", &group));
        vec![scope_links(&owners, scopes.iter().map(String::as_str)), Cell::link("/admin/roles", &held.role), through]
    };
    let table = Table::new(&["Scopes", "By the role", "Through"], "No role gives this user a scope.");
    let section = Section { title: "What they may use", table: Some(table.filled(Listing::whole(rows), "", row)), ..Section::default() };
    Ok((section, is_administrator))
}

/// Shows which applications the user may sign in to, and which group lets them in.
async fn applications(admin: &Administrator, user: &UserView) -> Result<Section, PageError> {
    let found = applications::of_user(&admin.reading(), user.id).await.map_err(failed)?;
    let row = |app: ApplicationView| {
        let through = if app.through.is_empty() { Cell::text("everyone may") } else { Cell::links("/admin/groups", &app.through) };
        vec![Cell::link("/admin/clients", &app.client_id), Cell::text(app.client_name), through]
    };
    let table = Table::new(&["Client", "Name", "Through"], "There is no application that this user may sign in to.");
    let more = if found.more { " There are more; these are the first." } else { "" };
    let lead = if user.enabled {
        format!("They may sign in to these, through the group that is named.{more}")
    } else {
        format!("The user is disabled and can sign in nowhere. Once enabled, they may sign in to these.{more}")
    };
    let table = Some(table.filled(Listing::whole(found.items), "", row));
    Ok(Section { title: "Applications they may sign in to", lead, table, ..Section::default() })
}

/// Makes a cell with a button that posts `action` and one field.
fn end(label: &'static str, path: &str, action: &str, field: (&'static str, &str), about: String) -> Vec<Cell> {
    let mut button = Button::new(label, path, action).danger();
    button.fields.push(Hidden::new(field.0, field.1));
    Cell::button(Button { about, ..button })
}

async fn devices(admin: &Administrator, user: &UserView) -> Result<Section, PageError> {
    let (path, window) = (path(&user.username), Window { after: None, limit: LISTED });
    let listed = sessions::list(&admin.reading(), Some(user.id), &window).await.map_err(failed)?;
    let name = |session: &SessionView| format!("{}, address {}", browser_name(&session.user_agent), session.address);
    let buttons = vec![Button { about: format!("of {}", user.username), ..Button::new("End all devices", &path, "end-sessions").danger() }];
    let row = |session: SessionView| {
        let button = end("End", &path, "end-session", ("sid", &session.sid), name(&session));
        vec![Cell::text(browser_name(&session.user_agent)), Cell::text(session.address), Cell::text(moment(session.last_used_at)), button]
    };
    let table =
        Table::new(&["Browser", "Address", "Last used", "Action"], "Signed in nowhere.").filled(Listing::whole(listed.items), &path, row);
    Ok(Section { title: "Devices", table: Some(table), buttons, ..Section::default() })
}

async fn apps(admin: &Administrator, user: &UserView) -> Result<Section, PageError> {
    let (path, window) = (path(&user.username), Window { after: None, limit: LISTED });
    let of_user = AuthorizationFilter { user: Some(user.id), client: None };
    let listed = authorizations::list(&admin.reading(), &of_user, &window).await.map_err(failed)?;
    let name = |given: &AuthorizationView| format!("{}, last used {}", given.client_id, moment(given.last_used_at));
    let buttons =
        vec![Button { about: format!("of {}", user.username), ..Button::new("End all apps", &path, "end-authorizations").danger() }];
    let owners = owners(&admin.reading(), listed.items.iter().flat_map(|given| words(&given.scope))).await?;
    let row = |given: AuthorizationView| {
        let button = end("End", &path, "end-authorization", ("id", &given.id.to_string()), name(&given));
        vec![
            Cell::link("/admin/clients", &given.client_id),
            scope_links(&owners, words(&given.scope)),
            Cell::text(moment(given.last_used_at)),
            button,
        ]
    };
    let table = Table::new(&["Client", "Scope", "Last used", "Action"], "No app can use the account.").filled(
        Listing::whole(listed.items),
        &path,
        row,
    );
    Ok(Section { title: "Apps", table: Some(table), buttons, ..Section::default() })
}

async fn allowed(admin: &Administrator, user: &UserView) -> Result<Section, PageError> {
    let path = path(&user.username);
    let listed = consents::of_user(&admin.reading(), user.id).await.map_err(failed)?;
    let owners = owners(&admin.reading(), listed.items.iter().flat_map(|given| words(&given.scope))).await?;
    let row = |given: ConsentView| {
        let about = format!("what {} was allowed", given.client_id);
        let button = end("Withdraw", &path, "withdraw", ("client_id", &given.client_id), about);
        vec![
            Cell::link("/admin/clients", &given.client_id),
            scope_links(&owners, words(&given.scope)),
            Cell::text(given.claims.join(" ")),
            Cell::text(moment(given.given_at)),
            button,
        ]
    };
    let table = Table::new(&["Client", "Scope", "Claims", "Allowed", "Action"], "The user has allowed no client anything.");
    Ok(Section { title: "What they allowed clients", table: Some(table.filled(listed, &path, row)), ..Section::default() })
}

/// Says by which methods the user can sign in.
fn methods(user: &UserView) -> Section {
    let row = |own: MethodView| {
        let mut notes = Vec::new();
        notes.extend(own.foreign_hash.then(|| Cell::badge("hash of another system, until the next sign-in", false)));
        notes.extend(own.must_change.then(|| Cell::badge("generated, must be changed", false)));
        vec![Cell::text(own.method), Cell::text(own.since.map_or_else(|| "not known".to_owned(), moment)), notes]
    };
    let table = Table::new(&["Method", "Since", "Notes"], "None. The user sets a password by a link.");
    let table = table.filled(Listing::whole(user.methods.clone()), "", row);
    Section { title: "How they sign in", table: Some(table), ..Section::default() }
}

fn password(user: &UserView) -> Section {
    let path = path(&user.username);
    let button = || Button { about: format!("for {}", user.username), ..Button::new("Make a link to set a password", &path, "link") };
    Section {
        title: "Password",
        lead: "Somebody who forgot the password sets a new one by a link, which works once within 24 hours.".to_owned(),
        buttons: user.enabled.then(button).into_iter().collect(),
        ..Section::default()
    }
}

/// Says what somebody with these `offers` may do when the user leaves, and what follows from it. `None` if there is nothing to say.
fn leaving(admin: &Administrator, user: &UserView, offers: &Offers) -> Option<Section> {
    let path = path(&user.username);
    let delete = Button { about: user.username.clone(), ..Button::new("Delete", &path, "delete").danger() };
    if !offers.may(Operation::UserDisable) {
        let disabled = "The user is disabled and cannot sign in, until an administrator enables them again.";
        let deleting = "Deleting takes away the account with everything that belongs to it, and cannot be undone. An administrator can disable \
                        the user instead, which can be undone.";
        return match (offers.may(Operation::UserDelete), user.enabled) {
            (true, true) => {
                Some(Section { title: "When they leave", lead: deleting.to_owned(), buttons: vec![delete], ..Section::default() })
            }
            (true, false) => {
                Some(Section { title: "When they leave", lead: disabled.to_owned(), buttons: vec![delete], ..Section::default() })
            }
            (false, true) => None,
            (false, false) => Some(Section { title: "Disabled", lead: disabled.to_owned(), ..Section::default() }),
        };
    }
    let lead = if user.enabled {
        format!(
            "Disabling ends all devices and apps at once and refuses new sign-ins. Services that follow the revocations refuse access tokens \
             within about a second. At others they live on until they expire, {} by default and never more than 1 hour.",
            duration(admin.app.settings.access_token_lifetime)
        )
    } else {
        "The user cannot sign in. Enabling lets them sign in again; what was ended stays ended.".to_owned()
    };
    let switch = if user.enabled {
        Button::new("Disable and end everything", &path, "disable").danger()
    } else {
        Button::new("Enable", &path, "enable")
    };
    let buttons = vec![switch, delete];
    Some(Section { title: "When they leave", lead, buttons, ..Section::default() })
}

/// Returns the page that asks before `action`, if that is dangerous: its heading, what will be lost, and the label of its button.
fn asked(action: &str, user: &UserView) -> Option<(String, String, &'static str)> {
    let name = &user.username;
    match action {
        "disable" => Some((
            format!("Disable {name}?"),
            "All their devices are signed out and all their apps lose access. They cannot sign in until somebody enables them again."
                .to_owned(),
            "Disable and end everything",
        )),
        "delete" => Some((
            format!("Delete {name}?"),
            format!(
                "This cannot be undone. {name} loses {} and {}, all attributes, devices and apps, and what they \
                 allowed clients. The username is never given to somebody else. The audit trail keeps that things happened, but nothing \
                 personal.",
                counted(user.roles.len(), "role", "roles"),
                counted(user.groups.len(), "membership of a group", "memberships of groups")
            ),
            "Delete the user",
        )),
        "link" => Some((
            format!("Make a link for {name}?"),
            "Whoever opens the link can set the password, which signs the user out everywhere. A link that was made before stops working."
                .to_owned(),
            "Make the link",
        )),
        "verify" => Some((
            format!("Is the address of {name} verified?"),
            format!(
                "Applications trust that {} belongs to {name}, and may give them its rights.",
                user.email.as_deref().unwrap_or_default()
            ),
            "Mark it as verified",
        )),
        _ => None,
    }
}

/// Fails as `action` would, so that no page asks to confirm what cannot be done. Returns sentences that say how many tokens it refuses.
async fn tried(admin: &Administrator, action: &str, user: &UserView) -> Result<String, Refused> {
    let (actor, id, subject) = (admin.as_confirmed(), user.id, Subject::Users(vec![user.username.clone()]));
    let app = &admin.app;
    let preview = match action {
        "disable" => preview::run(app, &actor, &subject, |change| Box::pin(users::disable(change, id))).await?.1,
        "delete" => preview::run(app, &actor, &subject, |change| Box::pin(users::delete(change, id, None))).await?.1,
        "link" => preview::run(app, &actor, &subject, |change| Box::pin(users::make_link(change, id))).await?.1,
        _ => preview::run(app, &actor, &subject, |change| Box::pin(users::edit(change, id, verified(), None))).await?.1,
    };
    Ok(tokens(&preview).join(" "))
}

/// Returns the edit that marks the address as verified.
fn verified() -> UserPatch {
    UserPatch { email_verified: Patch::Set(true), ..UserPatch::default() }
}

/// `POST /admin/users/{username}`: does what a button of the page says.
pub async fn act(Path(username): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let user = match users::show(&form.admin.reading(), &username).await {
        Ok(user) => user,
        Err(refused) if form.text("action") == "delete" => return form.removed_already(refused, PATH),
        Err(refused) => return Err(failed(refused)),
    };
    let (path, id, action) = (path(&user.username), user.id, form.text("action"));
    if let Some((heading, lead, submit)) = asked(&action, &user) {
        let refused = tried(&form.admin, &action, &user).await.map_err(failed)?;
        form.show_version(user.version);
        let lead = format!("{lead} {refused}").trim().to_owned();
        let command = match action.as_str() {
            "verify" => shell::line("user edit", &[&user.username], "--email-verified true"),
            same => shell::line(&format!("user {same}"), &[&user.username], ""),
        };
        let asked = Confirmation { section: SECTION, heading, lead, path: path.clone(), back: path.clone(), submit, command };
        if let Some(page) = form.confirmed(asked).await? {
            return Ok(page);
        }
    }
    let admin = &form.admin;
    let notice = match action.as_str() {
        "link" => return link(admin, &user).await,
        "delete" => {
            form.change_drawn(|change| Box::pin(users::delete(change, id, None))).await.map_err(failed)?;
            return admin.done("removed", PATH);
        }
        "disable" => admin.change(|change| Box::pin(users::disable(change, id))).await.map(|_| "disabled"),
        "enable" => admin.change(|change| Box::pin(users::enable(change, id))).await.map(|_| "enabled"),
        "unlock" => admin.change(|change| Box::pin(users::unlock(change, id))).await.map(|_| "saved"),
        "verify" => form.change_drawn(|change| Box::pin(users::edit(change, id, verified(), None))).await.map(|_| "saved"),
        "end-sessions" => admin.change(|change| Box::pin(sessions::end_all(change, id))).await.map(|_| "ended"),
        "end-session" => {
            let sid = form.text("sid");
            ended(admin.change(|change| Box::pin(async move { sessions::end(change, &sid).await })).await)
        }
        "end-authorizations" => {
            let filter = AuthorizationFilter { user: Some(id), client: None };
            admin.change(|change| Box::pin(async move { authorizations::end_all(change, &filter).await })).await.map(|_| "ended")
        }
        "end-authorization" => {
            let given = Uuid::try_parse(&form.text("id")).map_err(|_| PageError::stale_form())?;
            ended(admin.change(|change| Box::pin(authorizations::end(change, given))).await)
        }
        "withdraw" => {
            let client = form.text("client_id");
            ended(admin.change(|change| Box::pin(async move { consents::withdraw(change, id, &client).await })).await)
        }
        _ => return Err(PageError::stale_form()),
    };
    admin.done(notice.map_err(failed)?, &path)
}

/// Returns the notice after something was to end. What somebody else has ended already, or the same button before, has ended too.
fn ended(done: Result<(), Refused>) -> Result<&'static str, Refused> {
    match done {
        Ok(()) | Err(Refused::NotFound { .. } | Refused::Conflict(_)) => Ok("ended"),
        Err(other) => Err(other),
    }
}

/// Makes a link by which `user` sets a password, and shows it once.
async fn link(admin: &Administrator, user: &UserView) -> Result<Response, PageError> {
    let id = user.id;
    let made = admin.change(|change| Box::pin(users::make_link(change, id))).await.map_err(failed)?;
    let detail = Detail {
        frame: admin.frame(SECTION, shell::line("user link", &[&made.username], "")).await?,
        heading: format!("A link for {}", made.username),
        lead: format!("Give it to them, and to nobody else. It is not shown again, and works until {}.", moment(made.expires_at)),
        sections: vec![Section { text: made.url, links: vec![("Back to the user", path(&user.username))], ..Section::default() }],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}
