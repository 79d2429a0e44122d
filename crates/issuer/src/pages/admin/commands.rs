//! The commands that do what the forms of the administration do, with the values of their fields. The page of a form shows its command at the
//! foot, and so does the page that asks before the form is used.

use std::collections::HashMap;

use crate::oauth::client_claim::MappedGroup;
use crate::oauth::scope::words;
use crate::oauth::standard_claims::TEXT_CLAIMS;
use crate::pages::admin::grant_words::grants;
use crate::pages::admin::shell::{Line, all};

/// The prefix of the fields of attributes in the form of a user, so that no attribute takes the place of another field.
pub(super) const ATTRIBUTE: &str = "attribute-";

/// Writes the command of a form.
pub type Writer = fn(&Filled<'_>) -> String;

/// A form of which the command is written.
#[derive(Debug)]
pub struct Filled<'a> {
    /// The name of the object that the form changes; empty if it adds one.
    pub name: &'a str,
    /// The values of the fields, by their names.
    pub fields: HashMap<&'a str, &'a str>,
    /// The values that are saved, by the names of the fields. Empty for what is new.
    pub saved: HashMap<&'a str, &'a str>,
}

impl<'a> Filled<'a> {
    fn value(&self, field: &str) -> &'a str {
        self.fields.get(field).copied().unwrap_or_default().trim()
    }

    fn saved(&self, field: &str) -> &'a str {
        self.saved.get(field).copied().unwrap_or_default().trim()
    }

    /// Returns the value, or `placeholder` if that is empty.
    fn value_or(&self, field: &str, placeholder: &'a str) -> &'a str {
        Some(self.value(field)).filter(|value| !value.is_empty()).unwrap_or(placeholder)
    }

    fn is_ticked(&self, field: &str) -> bool {
        self.value(field) == "true"
    }

    fn lines(&self, field: &str) -> Vec<String> {
        lines(self.value(field))
    }

    /// Adds `option` to `line` if the text of `field` is not the one that is saved.
    fn text(&self, line: Line, option: &str, field: &str) -> Line {
        if self.fields.contains_key(field) { line.changed(option, self.saved(field), self.value(field)) } else { line }
    }

    /// Adds `option` to `line` if the box `field` is not as it is saved.
    fn switch(&self, line: Line, option: &str, field: &str) -> Line {
        let word = |text: &str| if text == "true" { "true" } else { "false" };
        if self.fields.contains_key(field) { line.changed(option, word(self.saved(field)), word(self.value(field))) } else { line }
    }

    /// Adds the options `add` and `remove` to `line` for the lines of `field` that are not those that are saved.
    fn list(&self, line: Line, add: &str, remove: &str, field: &str) -> Line {
        line.list(add, remove, &lines(self.saved(field)), &self.lines(field))
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(super) fn add_user(form: &Filled<'_>) -> String {
    Line::new("user add")
        .operand(form.value_or("username", "NAME"))
        .option("--email", form.value("email"))
        .flag("--email-verified", form.is_ticked("email_verified"))
        .option("--name", form.value("name"))
        .each("--group", &form.lines("groups"))
        .each("--role", &form.lines("roles"))
        .into()
}

pub(super) fn edit_user(form: &Filled<'_>) -> String {
    let mut line = Line::new("user edit").operand(form.name);
    for (option, field) in [("--rename", "username"), ("--name", "name"), ("--email", "email")] {
        line = form.text(line, option, field);
    }
    // A new address is not verified unless the option says so, and a box that was ticked for the address before says nothing about a new one.
    let (was, is) = (form.saved("email_verified") == "true", form.is_ticked("email_verified"));
    if was != is && !(was && form.saved("email") != form.value("email")) {
        line = form.switch(line, "--email-verified", "email_verified");
    }
    line = form.text(line, "--external-id", "external_id");
    let is_changed = |field: &str| form.fields.contains_key(field) && form.saved(field) != form.value(field);
    for claim in TEXT_CLAIMS.into_iter().filter(|claim| *claim != "name" && is_changed(claim)) {
        line = line.set("--claim", &format!("{claim}={}", form.value(claim)));
    }
    let mut attributes: Vec<&str> = form.fields.keys().filter_map(|field| field.strip_prefix(ATTRIBUTE)).collect();
    attributes.sort_unstable();
    for name in attributes {
        let field = format!("{ATTRIBUTE}{name}");
        let (old, new) = (lines(form.saved(&field)), form.lines(&field));
        if old != new {
            let values = if new.is_empty() { vec![String::new()] } else { new };
            line = values.iter().fold(line, |line, value| line.set("--attribute", &format!("{name}={value}")));
        }
    }
    line.into()
}

pub(super) fn change_user_roles(form: &Filled<'_>) -> String {
    let line = form.list(Line::new("user roles").operand(form.name), "--add", "--remove", "roles");
    if line.has_options() { line } else { line.set("--add", "ROLE") }.into()
}

pub(super) fn add_group(form: &Filled<'_>) -> String {
    Line::new("group add")
        .operand(form.value_or("name", "NAME"))
        .option("--display-name", form.value("display_name"))
        .option("--external-id", form.value("external_id"))
        .each("--role", &form.lines("roles"))
        .flag("--default", form.is_ticked("is_default"))
        .flag("--delegated", form.is_ticked("delegated"))
        .into()
}

pub(super) fn edit_group(form: &Filled<'_>) -> String {
    let mut line = Line::new("group edit").operand(form.name);
    for (option, field) in [("--rename", "name"), ("--display-name", "display_name"), ("--external-id", "external_id")] {
        line = form.text(line, option, field);
    }
    line = form.list(line, "--add-role", "--remove-role", "roles");
    form.switch(form.switch(line, "--default", "is_default"), "--delegated", "delegated").into()
}

pub(super) fn change_members(form: &Filled<'_>) -> String {
    let line = Line::new("group members").operand(form.name);
    let line = line.each("--add", &form.lines("add")).each("--remove", &form.lines("remove"));
    if line.has_options() { line } else { line.set("--add", "USERNAME") }.into()
}

/// Writes the command of the form that adds users to the group which is named in it.
pub(super) fn add_to_group(form: &Filled<'_>) -> String {
    Line::new("group members").operand(form.value_or("group", "NAME")).each("--add", &form.lines("users")).into()
}

pub(super) fn add_role(form: &Filled<'_>) -> String {
    let line = Line::new("role add").operand(form.value_or("name", "NAME")).option("--display-name", form.value("display_name"));
    line.each("--scope", &form.lines("scopes")).flag("--delegated", form.is_ticked("delegated")).into()
}

pub(super) fn edit_role(form: &Filled<'_>) -> String {
    let scopes = form.list(Line::new("role scopes").operand(form.name), "--add", "--remove", "scopes");
    let others = form.text(Line::new("role edit").operand(form.name), "--display-name", "display_name");
    let others = form.switch(others, "--delegated", "delegated");
    let changing: Vec<String> = [&scopes, &others].into_iter().filter(|line| line.has_options()).map(Line::to_string).collect();
    if changing.is_empty() { others.into() } else { all(&changing) }
}

/// The options for the fields that a new attribute and an existing one have in common.
const OF_ATTRIBUTE: [(&str, &str); 7] = [
    ("--display-name", "display_name"),
    ("--visibility", "visibility"),
    ("--mutability", "mutability"),
    ("--scope", "scope"),
    ("--min", "min"),
    ("--max", "max"),
    ("--pattern", "pattern"),
];

pub(super) fn add_attribute(form: &Filled<'_>) -> String {
    let line = Line::new("attribute add").operand(form.value_or("name", "NAME")).set("--type", form.value_or("type", "string"));
    let line = line.flag("--multi-valued", form.is_ticked("multi_valued"));
    OF_ATTRIBUTE.iter().fold(line, |line, (option, field)| line.option(option, form.value(field))).into()
}

pub(super) fn edit_attribute(form: &Filled<'_>) -> String {
    let line = Line::new("attribute edit").operand(form.name);
    OF_ATTRIBUTE.iter().fold(line, |line, (option, field)| form.text(line, option, field)).into()
}

pub(super) fn add_resource(form: &Filled<'_>) -> String {
    Line::new("resource add")
        .operand(form.value_or("identifier", "IDENTIFIER"))
        .set("--name", form.value_or("name", "NAME"))
        .each("--scope", &form.lines("scopes"))
        .option("--token-lifetime", form.value("token_lifetime"))
        .option("--access-token-typ", form.value("access_token_typ"))
        .flag("--open", form.is_ticked("open"))
        .changed("--token-claims", "none", &told(&|claim| form.is_ticked(claim)))
        .option("--group-prefix", form.value("group_prefix"))
        .into()
}

/// Returns the value of `--token-claims`.
fn told(is_told: &dyn Fn(&str) -> bool) -> String {
    let told: Vec<&str> = ["groups", "roles"].into_iter().filter(|claim| is_told(claim)).collect();
    if told.is_empty() { "none".to_owned() } else { told.join(",") }
}

pub(super) fn edit_resource(form: &Filled<'_>) -> String {
    let (old, new) = (lines(form.saved("scopes")), form.lines("scopes"));
    let name_of = |line: &String| line.split('=').next().unwrap_or_default().trim().to_owned();
    let kept: Vec<String> = new.iter().map(name_of).collect();
    let removed: Vec<String> = old.iter().map(name_of).filter(|name| !kept.contains(name)).collect();
    let line = form.text(Line::new("resource edit").operand(form.name), "--name", "name");
    let line = line.each("--add-scope", new.iter().filter(|line| !old.contains(line))).each("--remove-scope", &removed);
    let line = form.text(line, "--token-lifetime", "token_lifetime");
    let line = form.switch(form.text(line, "--access-token-typ", "access_token_typ"), "--open", "open");
    let line = line.changed("--token-claims", &told(&|claim| form.saved(claim) == "true"), &told(&|claim| form.is_ticked(claim)));
    form.text(line, "--group-prefix", "group_prefix").into()
}

/// The options for the fields of a client that are texts, the same for a new client and an existing one.
const TEXTS: [(&str, &str); 15] = [
    ("--name", "client_name"),
    ("--access", "access"),
    ("--resource", "default_resource"),
    ("--auth-method", "token_endpoint_auth_method"),
    ("--pkce", "pkce"),
    ("--group-filter", "group_filter"),
    ("--group-prefix", "group_prefix"),
    ("--client-uri", "client_uri"),
    ("--logo-uri", "logo_uri"),
    ("--policy-uri", "policy_uri"),
    ("--tos-uri", "tos_uri"),
    ("--initiate-login-uri", "initiate_login_uri"),
    ("--backchannel-logout-uri", "backchannel_logout_uri"),
    ("--frontchannel-logout-uri", "frontchannel_logout_uri"),
    ("--jwks-uri", "jwks_uri"),
];

/// The options for the boxes of a client.
const BOXES: [(&str, &str); 8] = [
    ("--public", "public"),
    ("--first-party", "first_party"),
    ("--id-token-claims", "id_token_claims"),
    ("--signals-of-all-users", "signals_of_all_users"),
    ("--session-management", "session_management"),
    ("--native", "native"),
    ("--backchannel-session-required", "backchannel_logout_session_required"),
    ("--frontchannel-session-required", "frontchannel_logout_session_required"),
];

/// The ends of the options for the lists of a client, such as `redirect-uri`, with their fields.
const LISTS: [(&str, &str); 6] = [
    ("grant", "grant_types"),
    ("redirect-uri", "redirect_uris"),
    ("post-logout-redirect-uri", "post_logout_redirect_uris"),
    ("origin", "origins"),
    ("scope", "scope"),
    ("group", "groups"),
];

/// Returns the items of a list of a client. Grants are boxes, and scopes are separated by spaces.
fn items<'a>(field: &str, value: impl Fn(&str) -> &'a str) -> Vec<String> {
    match field {
        "grant_types" => {
            let names = grants().into_iter().map(|(grant, _)| grant.name());
            names.filter(|name| value(&format!("grant_types.{name}")) == "true").map(str::to_owned).collect()
        }
        "scope" => words(value("scope")).map(str::to_owned).collect(),
        other => lines(value(other)),
    }
}

/// Returns `item` with the application's address in place of the word that presets have for it.
fn placed(form: &Filled<'_>, item: &str) -> String {
    if form.fields.contains_key("url") { item.replace("{url}", form.value_or("url", "URL").trim_end_matches('/')) } else { item.to_owned() }
}

/// Writes the command of the form of a new client. What is saved are the values of its preset, which the command fills in, too.
pub(super) fn add_client(form: &Filled<'_>) -> String {
    let id = Some(form.value("client_id")).filter(|id| *id != form.saved("client_id"));
    let mut line = Line::new("client add").option("--id", id.unwrap_or_default());
    if matches!(form.value("preset"), "" | "none") {
        line = if form.value("client_name").is_empty() { line.set("--name", "NAME") } else { line };
    } else {
        line = line.set("--preset", form.value("preset"));
        line = if form.fields.contains_key("url") { line.set("--url", form.value_or("url", "URL")) } else { line };
    }
    line = if form.value("access").is_empty() { line.set("--access", "everyone") } else { line };
    for (option, field) in TEXTS {
        line = if form.value(field) == form.saved(field) { line } else { line.option(option, form.value(field)) };
    }
    for (option, field) in LISTS {
        let own = items(field, |field| form.saved(field));
        let added = items(field, |field| form.value(field)).into_iter().filter(|item| !own.contains(item));
        line = line.each(&format!("--{option}"), &added.map(|item| placed(form, &item)).collect::<Vec<_>>());
    }
    for (option, field) in BOXES {
        line = line.flag(option, form.is_ticked(field) && form.saved(field) != "true");
    }
    all(&[with_keys(line, form), without_removed(form)])
}

/// Writes the command that takes from a new client what its preset has and the form has not; empty if there is nothing.
fn without_removed(form: &Filled<'_>) -> String {
    let mut line = Line::new("client edit").operand(form.value_or("client_id", "CLIENT_ID"));
    for (option, field) in TEXTS {
        let is_removed = form.value(field).is_empty() && !form.saved(field).is_empty();
        // These can be chosen but not removed.
        line = if is_removed && !matches!(field, "client_name" | "access" | "pkce") { line.set(option, "") } else { line };
    }
    for (option, field) in LISTS {
        let own = items(field, |field| form.value(field));
        let removed = items(field, |field| form.saved(field)).into_iter().filter(|item| !own.contains(item));
        line = line.each(&format!("--remove-{option}"), &removed.map(|item| placed(form, &item)).collect::<Vec<_>>());
    }
    for (option, field) in BOXES {
        line = if form.saved(field) == "true" && !form.is_ticked(field) { line.set(option, "false") } else { line };
    }
    if line.has_options() { line.into() } else { String::new() }
}

pub(super) fn edit_client(form: &Filled<'_>) -> String {
    let mut line = Line::new("client edit").operand(form.name);
    for (option, field) in TEXTS {
        // Who may sign in, and what a sign-in must carry, can be chosen but not removed.
        let is_kept = matches!(field, "access" | "pkce") && form.value(field).is_empty();
        line = if is_kept { line } else { form.text(line, option, field) };
    }
    for (option, field) in LISTS {
        let (old, new) = (items(field, |field| form.saved(field)), items(field, |field| form.value(field)));
        line = line.list(&format!("--add-{option}"), &format!("--remove-{option}"), &old, &new);
    }
    line = BOXES.iter().fold(line, |line, (option, field)| form.switch(line, option, field));
    with_keys(line, form)
}

/// Ends the command of a client with its public keys, which the command line reads from a file.
fn with_keys(line: Line, form: &Filled<'_>) -> String {
    let (saved, keys) = (form.saved("jwks"), form.value("jwks"));
    // An empty URL of keys takes keys away, too.
    let is_removed = keys.is_empty() && saved != keys && form.value("jwks_uri").is_empty();
    let line = if is_removed { line.set("--jwks-uri", "") } else { line };
    if keys.is_empty() || saved == keys { line } else { line.set("--jwks-file", "FILE") }.into()
}

/// Writes the command of the form of a claim of a client. The field `stored` names the claim that is changed, which goes if it is renamed.
pub(super) fn put_claim(form: &Filled<'_>) -> String {
    let (stored, claim) = (form.value("stored"), form.value("claim"));
    let remove = Line::new("client claim remove").operand(form.name).operand(stored);
    match (stored, claim) {
        ("", _) => set_claim(form),
        (_, "") => remove.into(),
        (stored, claim) if stored == claim => set_claim(form),
        _ => all(&[set_claim(form), remove.into()]),
    }
}

fn set_claim(form: &Filled<'_>) -> String {
    let line = Line::new("client claim set").operand(form.name).operand(form.value_or("claim", "CLAIM"));
    let source = form.value_or("source", "groups");
    let line = match source {
        "user" => line.set("--from", form.value_or("field", "FIELD")),
        "attribute" => line.set("--attribute", form.value_or("field", "NAME")),
        "group_map" => {
            // Spaces around the sign are left out, as the form does. A line that the form refuses stays as it is.
            let entry = |line: String| MappedGroup::parse(&line).map_or(line, |entry| entry.to_string());
            let map: Vec<String> = form.lines("map").into_iter().map(entry).collect();
            let map = if map.is_empty() { vec!["GROUP=VALUE".to_owned()] } else { map };
            line.each("--group-value", &map).option("--default", form.value("default"))
        }
        "fixed" => line.set("--value", form.value_or("value", "JSON")),
        of_user => line.set("--from", of_user),
    };
    let usual = if matches!(source, "groups" | "roles") { "list" } else { "first" };
    // A fixed value is given as it is.
    let line = if source == "fixed" { line } else { line.changed("--shape", usual, form.value_or("shape", usual)) };
    match (form.is_ticked("in_id_token"), form.is_ticked("in_userinfo")) {
        (true, false) => line.set("--only", "id-token"),
        (false, true) => line.set("--only", "userinfo"),
        _ => line,
    }
    .into()
}

/// Writes the command of the form that shows what a client would be told of a user.
pub(super) fn try_client(form: &Filled<'_>) -> String {
    let scopes: Vec<String> = words(form.value("scope")).map(str::to_owned).collect();
    Line::new("client try")
        .operand(form.name)
        .set("--user", form.value_or("user", "USERNAME"))
        .each("--scope", &scopes)
        .option("--resource", form.value("resource"))
        .into()
}

/// Writes the command of the form that gives a client a new secret.
pub(super) fn rotate_secret(form: &Filled<'_>) -> String {
    let line = Line::new("client rotate-secret").operand(form.name);
    match form.value("old") {
        "week" => line.set("--old-ends-in", "7d"),
        "day" => line.set("--old-ends-in", "24h"),
        "now" => line.flag("--drop-previous", true),
        _ => line,
    }
    .into()
}
