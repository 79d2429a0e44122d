//! The pages of attributes: the list, one attribute, and the forms that declare, change and remove one.

use axum::extract::Path;
use axum::response::Response;

use crate::admin::attributes::{self, AttributeDraft, AttributePatch, AttributeRemoval, AttributeView, users_with_values};
use crate::admin::client_claims::{self, ClaimOfClient};
use crate::admin::patch::Patch;
use crate::admin::preview::{self, Subject};
use crate::admin::words::counted;
use crate::admin::{Fault, Faults, Listing, Refused};
use crate::oauth::attribute_type::{AttributeType, Audience};
use crate::oauth::client_claim::TRUSTED_CLAIMS;
use crate::pages::account::moment;
use crate::pages::admin::view::{Button, Cell, Detail, Field, FormPage, Kind, List, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, audit, commands, failed, shell, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

const SECTION: &str = "Attributes";
const PATH: &str = "/admin/attributes";

fn path(name: &str) -> String {
    format!("{PATH}/{}", encode(name))
}

/// Says in words who may see and change the values.
fn audience(attribute: &AttributeView) -> &'static str {
    match (attribute.visibility, attribute.mutability) {
        (_, Audience::User) => "People see and change their own value",
        (Audience::User, _) => "People see their own value",
        _ => "Only administrators see it",
    }
}

fn kind(attribute: &AttributeView) -> String {
    let one = attribute.value_type.as_str();
    if attribute.multi_valued { format!("several values of type {one}") } else { one.to_owned() }
}

/// `GET /admin/attributes`: lists the attributes.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let page = attributes::list(&admin.reading(), &window(&query)).await.map_err(failed)?;
    let row = |attribute: AttributeView| {
        let (type_, seen) = (kind(&attribute), audience(&attribute));
        vec![
            Cell::link(PATH, &attribute.name),
            Cell::text(attribute.display_name),
            Cell::text(type_),
            Cell::text(attribute.scope.unwrap_or_else(|| "–".to_owned())),
            Cell::text(seen),
        ]
    };
    let empty =
        "There are no attributes yet. Declare one for each thing that applications should be told of people, such as a cost center.";
    let list = List {
        frame: admin.frame(SECTION, "signet attribute list").await?,
        heading: "Attributes",
        lead: "What you keep about people beside the standard details. A scope can release an attribute to applications.",
        links: vec![("Declare an attribute", "/admin/attributes/new")],
        table: Table::new(&["Name", "Shown as", "Type", "Released by", "Who sees it"], empty).filled(page, PATH, row),
        ..List::default()
    };
    html(&list, Csp::Own)
}

/// `GET /admin/attributes/{name}`: shows an attribute.
pub async fn show(admin: Administrator, Path(name): Path<String>) -> Result<Response, PageError> {
    let attribute = attributes::show(&admin.reading(), &name).await.map_err(failed)?;
    let path = path(&attribute.name);
    let or_dash = |text: Option<String>| Cell::text(text.unwrap_or_else(|| "–".to_owned()));
    let users = match attributes::count_users(&admin.reading(), &name).await.map_err(failed)? {
        attributes::COUNTED.. => "1,000 or more".to_owned(),
        number => number.to_string(),
    };
    let facts = vec![
        ("Name", Cell::text(attribute.name.clone())),
        ("Type", Cell::text(kind(&attribute))),
        ("Who sees it", Cell::text(audience(&attribute))),
        ("Released by the scope", or_dash(attribute.scope.clone())),
        ("At least", or_dash(attribute.min.map(|bound| bound.to_string()))),
        ("At most", or_dash(attribute.max.map(|bound| bound.to_string()))),
        ("Pattern", or_dash(attribute.pattern.clone())),
        ("Users with a value", Cell::text(users)),
        ("Declared", Cell::text(moment(attribute.created_at))),
    ];
    let told = client_claims::of_attribute(&admin.reading(), &name, LISTED + 1).await.map_err(failed)?;
    let more = if told.len() > LISTED as usize { " There are more; these are the first." } else { "" };
    let told: Vec<ClaimOfClient> = told.into_iter().take(LISTED as usize).collect();
    let row = |own: ClaimOfClient| vec![Cell::link("/admin/clients", &own.client_id), Cell::text(own.client_name), Cell::text(own.claim)];
    let table = Table::new(&["Client", "Name", "Claim"], "No client has a claim of its own that comes from it.");
    let clients = Section {
        title: "Clients that are told it",
        lead: format!("By a claim of their own, whatever scopes they ask for.{more}"),
        table: Some(table.filled(Listing::whole(told), &path, row)),
        ..Section::default()
    };
    let change = ("Change the attribute", format!("{path}/edit"));
    let history = ("History", audit::history("attribute", &attribute.name));
    let remove = Button::new("Remove the attribute", &path, "remove").danger();
    let detail = Detail {
        frame: admin.frame(SECTION, shell::line("attribute show", &[&attribute.name], "")).await?,
        heading: attribute.display_name,
        sections: vec![Section { facts, links: vec![change, history], buttons: vec![remove], ..Section::default() }, clients],
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

/// The number of claims that the page of an attribute lists.
const LISTED: u32 = 100;
/// The number of claims that the page names which asks before the removal.
const NAMED: usize = 20;

/// Says what goes with an attribute.
fn losses(removal: &AttributeRemoval) -> String {
    let users = users_with_values(removal.user_count);
    let mut claims: Vec<String> =
        removal.claims.iter().take(NAMED).map(|own| format!("{} of {} ({})", own.claim, own.client_name, own.client_id)).collect();
    claims.extend((removal.claims.len() > NAMED).then(|| counted(removal.claims.len() - NAMED, "other claim", "other claims")));
    let told = if claims.is_empty() {
        "No client has a claim of its own that comes from it.".to_owned()
    } else {
        format!("These claims of clients are removed with it: {}.", claims.join(", "))
    };
    format!("{users} {told} Applications are not told it any more. This cannot be undone.")
}

/// `POST /admin/attributes/{name}`: removes an attribute.
pub async fn act(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    if form.text("action") != "remove" {
        return Err(PageError::stale_form());
    }
    let attribute = match attributes::show(&form.admin.reading(), &name).await {
        Ok(attribute) => attribute,
        Err(refused) => return form.removed_already(refused, PATH),
    };
    form.show_version(attribute.version);
    let (actor, nobody) = (form.admin.as_confirmed(), Subject::Users(Vec::new()));
    let tried = preview::run(&form.admin.app, &actor, &nobody, |change| Box::pin(attributes::remove(change, &name, None)));
    let (removal, _) = tried.await.map_err(failed)?;
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Remove the attribute {}?", attribute.name),
        lead: losses(&removal),
        path: path(&attribute.name),
        back: path(&attribute.name),
        submit: "Remove the attribute",
        command: shell::line("attribute remove", &[&attribute.name], ""),
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    match form.admin.change(|change| Box::pin(attributes::remove(change, &name, Some(attribute.version)))).await {
        Ok(_) => form.admin.done("removed", PATH),
        Err(refused) => form.removed_already(refused, PATH),
    }
}

/// The fields that an edit can change.
fn fields() -> Vec<Field> {
    vec![
        Field::new("display_name", "Shown to people as", Kind::Text),
        Field::new("visibility", "Who sees the value", Kind::Choice(vec![("admin", "Administrators"), ("user", "The user too")])),
        Field::new("mutability", "Who changes the value", Kind::Choice(vec![("admin", "Administrators"), ("user", "The user too")])),
        Field::new("scope", "Released by the scope", Kind::Text).hint("profile, email, address or phone; empty if no scope releases it."),
        Field::new("min", "At least", Kind::Text).hint("The smallest number, or the smallest number of characters; empty for no bound."),
        Field::new("max", "At most", Kind::Text).hint("The largest number, or the largest number of characters; empty for no bound."),
        Field::new("pattern", "Pattern", Kind::Text)
            .hint("A regular expression that texts must match, such as [A-Z]{2}[0-9]+; empty for none."),
    ]
}

async fn new_form(admin: &Administrator) -> Result<FormPage, PageError> {
    let mut all = vec![
        Field::new("name", "Name", Kind::Text)
            .hint("The name of the claim that applications read, such as cost_center. It cannot be changed."),
        Field::new("type", "Type", Kind::Choice(vec![("string", "Text"), ("number", "Number"), ("boolean", "True or false")]))
            .hint("It cannot be changed."),
        Field::new("multi_valued", "A user can have several values", Kind::Check),
    ];
    all.extend(fields());
    Ok(FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::add_attribute, String::new())),
        heading: "Declare an attribute".to_owned(),
        action: format!("{PATH}/new"),
        fields: all,
        submit: "Declare the attribute",
        back: PATH.to_owned(),
        ..FormPage::default()
    })
}

/// `GET /admin/attributes/new`: shows the form for a new attribute.
pub async fn new(admin: Administrator) -> Result<Response, PageError> {
    new_form(&admin).await?.respond()
}

/// Reads the field `name`, which is `min` or `max`. What is no number is among `faults`, and is left out.
fn bound(form: &AdminForm, name: &'static str, faults: &mut Faults) -> Option<i64> {
    let read = form.optional(name).map(|text| text.parse::<i64>()).transpose();
    read.unwrap_or_else(|_| {
        faults.add(Fault::new(name, "a whole number, or nothing"));
        None
    })
}

fn audience_of(form: &AdminForm, name: &str) -> Audience {
    Audience::parse(&form.text(name)).unwrap_or(Audience::Admin)
}

/// Reads the attribute that was typed, without the bounds that are no numbers, which are among the faults.
fn typed_draft(form: &AdminForm) -> (AttributeDraft, Faults) {
    let mut faults = Faults::default();
    let draft = AttributeDraft {
        name: form.text("name"),
        display_name: form.optional("display_name"),
        value_type: AttributeType::parse(&form.text("type")).unwrap_or(AttributeType::String),
        multi_valued: form.is_checked("multi_valued"),
        mutability: audience_of(form, "mutability"),
        visibility: audience_of(form, "visibility"),
        scope: form.optional("scope"),
        min: bound(form, "min", &mut faults),
        max: bound(form, "max", &mut faults),
        pattern: form.optional("pattern"),
    };
    (draft, faults)
}

/// Does what [`typed_draft`] does for the change of an attribute.
fn typed_patch(form: &AdminForm) -> (AttributePatch, Faults) {
    let (draft, faults) = typed_draft(form);
    let patch = AttributePatch {
        display_name: Patch::Set(form.text("display_name")),
        mutability: Patch::Set(draft.mutability),
        visibility: Patch::Set(draft.visibility),
        scope: draft.scope.map_or(Patch::Clear, Patch::Set),
        min: draft.min.map_or(Patch::Clear, Patch::Set),
        max: draft.max.map_or(Patch::Clear, Patch::Set),
        pattern: draft.pattern.map_or(Patch::Clear, Patch::Set),
    };
    (patch, faults)
}

/// `POST /admin/attributes/new`: declares an attribute. One that a scope releases, or that people may change, is confirmed with the password.
pub async fn add(mut form: AdminForm) -> Result<Response, PageError> {
    let (draft, faults) = typed_draft(&form);
    if !faults.is_empty() {
        let actor = form.admin.as_confirmed();
        let tried = form.admin.try_out(&actor, move |change| Box::pin(attributes::add(change, draft))).await;
        return form.refused(new_form(&form.admin).await?, faults.with_others(tried));
    }
    let mut follows = Vec::new();
    follows.extend(form.optional("scope").map(|scope| format!("Applications that are granted the scope {scope} are told the value.")));
    follows.extend((audience_of(&form, "mutability") == Audience::User).then(|| "People change their own value.".to_owned()));
    let asked = Confirmation {
        section: SECTION,
        heading: format!("Declare the attribute {}?", form.text("name")),
        lead: follows.join(" "),
        path: format!("{PATH}/new"),
        back: format!("{PATH}/new"),
        submit: "Declare the attribute",
        command: form.command_of(new_form(&form.admin).await?),
    };
    if let Some(page) = form.check_confirmation(asked.clone()).await? {
        return Ok(page);
    }
    let actor = form.careful_actor();
    match form.attempt(&actor, move |change| Box::pin(attributes::add(change, draft))).await {
        Ok(attribute) => form.admin.done("added", &path(&attribute.name)),
        Err(Refused::StaleAuthentication) => form.confirmed(asked).await?.ok_or_else(PageError::stale_form),
        Err(refused) => form.refused(new_form(&form.admin).await?, refused),
    }
}

/// Returns the form of the attribute `name`, with what is saved.
async fn edit_form(admin: &Administrator, name: &str) -> Result<FormPage, PageError> {
    let attribute = attributes::show(&admin.reading(), name).await.map_err(failed)?;
    let path = path(name);
    let form = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::edit_attribute, attribute.name.clone())),
        heading: format!("Change the attribute {}", attribute.name),
        lead: "Values that users have already stay, even if new bounds or a new pattern would refuse them.".to_owned(),
        action: format!("{path}/edit"),
        version: Some(attribute.version),
        fields: fields(),
        submit: "Save",
        back: path,
        ..FormPage::default()
    };
    let bound = |bound: Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
    let value = |name: &str| match name {
        "display_name" => attribute.display_name.clone(),
        "visibility" => attribute.visibility.as_str().to_owned(),
        "mutability" => attribute.mutability.as_str().to_owned(),
        "scope" => attribute.scope.clone().unwrap_or_default(),
        "min" => bound(attribute.min),
        "max" => bound(attribute.max),
        _ => attribute.pattern.clone().unwrap_or_default(),
    };
    Ok(form.showing(value))
}

/// `GET /admin/attributes/{name}/edit`: shows the form of an attribute.
pub async fn edit(admin: Administrator, Path(name): Path<String>) -> Result<Response, PageError> {
    edit_form(&admin, &name).await?.respond()
}

/// Says what becomes of the values that `number` people typed, who can no longer change them.
fn of_typed(number: u64) -> String {
    let trusted = TRUSTED_CLAIMS.join(", ");
    let who = match number {
        0 => return "Nobody has typed one.".to_owned(),
        1 => "One person has typed theirs, which stays".to_owned(),
        attributes::COUNTED.. => "1,000 people or more have typed theirs, which stay".to_owned(),
        several => format!("{several} people have typed theirs, which stay"),
    };
    format!(
        "{who}. The claims that applications trust ({trusted}) never come from a value that a person typed, until an administrator sets it \
         for that person."
    )
}

/// `POST /admin/attributes/{name}/edit`: changes an attribute. What people see or change more of is confirmed with the password.
pub async fn save(Path(name): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let attribute = attributes::show(&form.admin.reading(), &name).await.map_err(failed)?;
    if let Err(refused) = form.require_drawn_from(attribute.version) {
        return form.refused(edit_form(&form.admin, &name).await?, refused);
    }
    let (patch, faults) = typed_patch(&form);
    let (actor, typed) = (form.admin.as_confirmed(), patch.clone());
    let tried = form.admin.try_out(&actor, |change| Box::pin(attributes::edit(change, &name, typed, None))).await;
    let tried = if faults.is_empty() { tried } else { Err(faults.with_others(tried)) };
    if let Err(refused) = tried {
        return form.refused(edit_form(&form.admin, &name).await?, refused);
    }
    let scope = form.optional("scope");
    let (seen, changed) = (audience_of(&form, "visibility"), audience_of(&form, "mutability"));
    let mut effects = Vec::new();
    if scope != attribute.scope {
        effects.push(match &scope {
            Some(scope) => format!("Applications that were granted the scope {scope} are told the value of every user."),
            None => "No scope releases the value any more.".to_owned(),
        });
    }
    if seen != attribute.visibility {
        effects
            .push(if seen == Audience::User { "People see their own value." } else { "People no longer see their own value." }.to_owned());
    }
    if changed != attribute.mutability {
        effects.push(if changed == Audience::User {
            "People change their own value.".to_owned()
        } else {
            let number = attributes::count_typed(&form.admin.reading(), &name).await.map_err(failed)?;
            format!("People no longer change their own value. {}", of_typed(number))
        });
    }
    if !effects.is_empty() {
        let asked = Confirmation {
            section: SECTION,
            heading: format!("Change what is told of {}?", attribute.name),
            lead: effects.join(" "),
            path: format!("{}/edit", path(&name)),
            back: path(&name),
            submit: "Save",
            command: form.command_of(edit_form(&form.admin, &name).await?),
        };
        if let Some(page) = form.confirmed(asked).await? {
            return Ok(page);
        }
    }
    match form.change_drawn(|change| Box::pin(attributes::edit(change, &name, patch, None))).await {
        Ok(_) => form.admin.done("saved", &path(&name)),
        Err(refused) => form.refused(edit_form(&form.admin, &name).await?, refused),
    }
}
