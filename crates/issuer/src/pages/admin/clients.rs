//! The pages of clients: the list, and one client with what to copy and its claims.

use std::sync::Arc;

use axum::extract::Path;
use axum::response::Response;

use crate::admin::audit::{RefusalView, refusals as refusals_of};
use crate::admin::clients::{self, ClientFilter, ClientView, SecretView};
use crate::admin::preview::{self, Subject};
use crate::admin::words::counted;
use crate::admin::{Listing, Operation, Refused, client_claims};
use crate::oauth::access::Access;
use crate::oauth::client_auth::{NONE, PRIVATE_KEY_JWT};
use crate::oauth::issuer::Issuer;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::words;
use crate::pages::account::moment;
use crate::pages::admin::effects::tokens;
use crate::pages::admin::grant_words::{grants_in_brief, grants_in_words};
use crate::pages::admin::resources::{PATH as RESOURCES, scopes_with_owners};
use crate::pages::admin::shell::Line;
use crate::pages::admin::view::{Button, Cell, Detail, List, Search, Section, Table, encode};
use crate::pages::admin::{
    AdminForm, Administrator, Confirmation, audit, client_facts, client_streams, client_told, failed, shell, window,
};
use crate::web::error::page::PageError;
use crate::web::file;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

pub(super) const SECTION: &str = "Clients";
pub(super) const PATH: &str = "/admin/clients";

pub(super) fn path(id: &str) -> String {
    format!("{PATH}/{}", encode(id))
}

/// `GET /admin/clients`: lists the clients.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let (reading, words) = (admin.reading(), query.text("q"));
    let filter = ClientFilter { search: Some(words.to_owned()), ..ClientFilter::default() };
    let page = clients::list(&reading, &filter, &window(&query)).await.map_err(failed)?;
    let total = if words.is_empty() { None } else { Some(clients::count_found(&reading, words).await.map_err(failed)?) };
    let list = List {
        frame: admin.frame(SECTION, Line::new("client list").option("--search", words)).await?,
        heading: "Clients",
        lead: "Applications that sign people in, and services that ask for tokens of their own.",
        links: vec![("Add a client", "/admin/clients/new")],
        search: Some(Search::new(PATH, "Search clients", words, total)),
        table: Table::new(
            &COLUMNS,
            if words.is_empty() { "There are no more clients. Add one for your application." } else { "There are no more clients." },
        )
        .filled(page, &Search::path(PATH, words), row),
        ..List::default()
    };
    html(&list, Csp::Own)
}

/// The columns of a list of clients.
pub(super) const COLUMNS: [&str; 4] = ["Client id", "Name", "How it gets tokens", "Notes"];

/// Returns the cells of a client in a list.
pub(super) fn row(client: ClientView) -> Vec<Vec<Cell>> {
    let marks = [(!client.enabled, "disabled"), (client.registered_itself, "registered itself"), (client.first_party, "our own")];
    vec![
        Cell::link(PATH, &client.client_id),
        Cell::text(client.client_name),
        Cell::text(grants_in_brief(&client.grant_types)),
        marks.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| Cell::badge(text, text == "our own")).collect(),
    ]
}

/// Says who may sign in to the client.
fn who_may_sign_in(client: &ClientView) -> Vec<Cell> {
    match client.access {
        Access::Everyone => Cell::text("Everyone may sign in"),
        Access::Groups if client.groups.is_empty() => Cell::text("Nobody may sign in, because it has no group"),
        Access::Groups => Cell::text(format!("Members of {} may sign in:", counted(client.groups.len(), "group", "groups")))
            .into_iter()
            .chain(Cell::links("/admin/groups", &client.groups))
            .collect(),
    }
}

/// Says in words what authorization requests must carry.
fn pkce(pkce: Pkce) -> &'static str {
    match pkce {
        Pkce::Required => "demanded of every sign-in",
        Pkce::Nonce => "demanded, unless the sign-in carries a nonce for the ID token",
        Pkce::Optional => "not demanded",
    }
}

/// Says how old the secrets are, and when the last one was used.
fn secrets(client: &ClientView) -> Vec<Cell> {
    let secret = |secret: &SecretView| {
        let ends = secret.expires_at.map_or_else(String::new, |at| format!(", ends {}", moment(at)));
        let used = secret.last_used_at.map_or_else(|| ", never used".to_owned(), |at| format!(", last used {}", moment(at)));
        format!("{} old{ends}{used}", counted(secret.age_days, "day", "days"))
    };
    let texts: Vec<String> = client.secrets.iter().map(secret).collect();
    Cell::text(if texts.is_empty() { "none".to_owned() } else { texts.join("; ") })
}

/// Says that the client registered itself, and that it is removed if nobody uses it for `days` days.
fn registered(client: &ClientView, days: u32) -> String {
    match (client.registered_itself, days) {
        (false, _) => String::new(),
        (true, 0) => "This client registered itself.".to_owned(),
        (true, days) => {
            let days = counted(days, "day", "days");
            format!("This client registered itself. It is removed when nobody has used it for {days}.")
        }
    }
}

/// The lines that an application needs for its settings.
fn connection(issuer: &Issuer, client_id: &str) -> String {
    format!(
        "Issuer:        {issuer}\nClient id:     {}\nDiscovery:     {}\nAuthorization: {}\nToken:         {}\nUserInfo:      {}\nJWKS:          {}",
        client_id,
        issuer.endpoint("/.well-known/openid-configuration"),
        issuer.endpoint("/authorize"),
        issuer.endpoint("/token"),
        issuer.endpoint("/userinfo"),
        issuer.endpoint("/.well-known/jwks.json"),
    )
}

/// `GET /admin/clients/{id}`: shows a client.
pub async fn show(admin: Administrator, Path(id): Path<String>) -> Result<Response, PageError> {
    let reading = admin.reading();
    let client = clients::show(&reading, &id).await.map_err(failed)?;
    let claims = client_claims::list(&reading, &id).await.map_err(failed)?;
    let refusals = refusals_of(&reading, &id).await.map_err(failed)?;
    let (path, issuer) = (path(&client.client_id), &admin.app.settings.issuer);
    let list = |values: &[String]| Cell::text(if values.is_empty() { "–".to_owned() } else { values.join("\n") });
    let connection = connection(issuer, &client.client_id);
    let scopes: Vec<String> = words(&client.scope).map(str::to_owned).collect();
    let scope_cells = scopes_with_owners(&reading, &scopes).await.map_err(failed)?;
    let claims = client_told::section(&client, claims, &path, admin.may(Operation::ClientClaimPut));
    let mut buttons = vec![if client.enabled {
        Button::new("Disable the client", &path, "disable").danger()
    } else {
        Button::new("Enable the client", &path, "enable")
    }];
    if client.secrets.len() > 1 {
        buttons.push(Button::new("End the old secret", &path, "end-old-secret").danger());
    }
    buttons.push(Button::new("Remove the client", &path, "remove").danger());
    let refusal = |refusal: RefusalView| {
        let uri = refusal.redirect_uri.unwrap_or_else(|| "–".to_owned());
        vec![Cell::text(moment(refusal.at)), Cell::text(refusal.error), Cell::text(refusal.reason), Cell::text(uri)]
    };
    let refusals = Table::new(&["When", "Error", "Reason", "Redirect URI received"], "None. New ones appear after some seconds.").filled(
        Listing::whole(refusals),
        &path,
        refusal,
    );
    let mut links = vec![("Change the client", format!("{path}/edit"))];
    let proves_otherwise = matches!(client.token_endpoint_auth_method.as_deref(), Some(NONE | PRIVATE_KEY_JWT));
    if !client.public && !proves_otherwise {
        links.push(("Give it a new secret", format!("{path}/secret")));
    }
    let mut detail = Detail {
        frame: admin.frame(SECTION, shell::line("client show", &[&client.client_id], "")).await?,
        heading: client.client_name.clone(),
        badges: vec![Cell::badge(if client.enabled { "enabled" } else { "disabled" }, client.enabled)],
        lead: registered(&client, admin.app.settings.registered_client_unused_days),
        sections: vec![
            Section { title: "To copy into the application", text: connection, ..Section::default() },
            Section {
                title: "Settings",
                facts: vec![
                    ("Type", Cell::text(if client.public { "public, without a secret" } else { "confidential" })),
                    ("May sign in", who_may_sign_in(&client)),
                    ("How it gets tokens (grants)", Cell::text(grants_in_words(&client.grant_types).join(". "))),
                    ("Scopes", scope_cells),
                    ("Redirect URIs", list(&client.redirect_uris)),
                    ("Origins", list(&client.origins)),
                    ("Default resource", Cell::links(RESOURCES, client.default_resource.as_slice())),
                    ("Consent", Cell::text(if client.first_party { "not asked, because it is our own" } else { "asked" })),
                    ("Proof that a sign-in is its own (PKCE)", Cell::text(pkce(client.pkce))),
                    ("Secrets", secrets(&client)),
                    ("Last used", Cell::text(client.last_used_at.map_or_else(|| "never".to_owned(), moment))),
                    ("Added", Cell::text(moment(client.created_at))),
                ],
                links,
                ..Section::default()
            },
            client_facts::section(&client),
            claims,
            Section {
                title: "Last refusals",
                lead: "The last 20 requests of it that were refused.".to_owned(),
                table: Some(refusals),
                ..Section::default()
            },
            Section {
                title: "Access",
                links: vec![("History", audit::history("client", &client.client_id)), ("Who may use it, as CSV", format!("{path}/access"))],
                buttons,
                ..Section::default()
            },
        ],
    };
    if let Some(section) = client_streams::section(&client, &path, admin.may(Operation::StreamSetPaused)) {
        // Before the last refusals.
        detail.sections.insert(4, section);
    }
    html(&detail, Csp::Own)
}

/// `GET /admin/clients/{id}/access`: gives who may sign in to a client as CSV.
pub async fn access(admin: Administrator, Path(id): Path<String>) -> Result<Response, PageError> {
    file::access_review(Arc::clone(&admin.app), admin.actor.clone(), id).await.map_err(failed)
}

/// Says what is lost with a client.
fn losses(client: &ClientView, claims: usize) -> String {
    let given = client.live_authorizations.unwrap_or_default();
    let lost = [
        (given, "authorization that people gave it", "authorizations that people gave it"),
        (client.secrets.len(), "secret", "secrets"),
        (claims, "claim", "claims"),
    ];
    let lost = lost.into_iter().filter(|(number, ..)| *number > 0).map(|(number, one, many)| counted(number, one, many));
    let lost: Vec<String> = lost.chain(["the consents of people".to_owned()]).collect();
    format!("Nobody can sign in to it any more, and its client id is free for another. These are deleted with it: {}.", lost.join(", "))
}

/// Says how many tokens are refused if the client `id` is disabled. Fails as that would.
async fn refused_tokens(admin: &Administrator, id: &str) -> Result<String, Refused> {
    let (actor, subject) = (admin.as_confirmed(), Subject::Client { id: id.to_owned(), groups: Vec::new(), everyone: false });
    let tried = preview::run(&admin.app, &actor, &subject, |change| Box::pin(clients::set_enabled(change, id, false)));
    Ok(tokens(&tried.await?.1).join(" "))
}

/// `POST /admin/clients/{id}`: does what a button of the page says.
pub async fn act(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let (path, action) = (path(&id), form.text("action"));
    let client = match clients::show(&form.admin.reading(), &id).await {
        Ok(client) => client,
        Err(refused) if action == "remove" => return form.removed_already(refused, PATH),
        Err(refused) => return Err(failed(refused)),
    };
    form.show_version(client.version);
    let (heading, lead, submit) = match action.as_str() {
        "enable" => {
            form.admin.change(|change| Box::pin(clients::set_enabled(change, &id, true))).await.map_err(failed)?;
            return form.admin.done("enabled", &path);
        }
        "disable" => {
            let lost = refused_tokens(&form.admin, &id).await.map_err(failed)?;
            ("Disable", format!("Every request of it is refused until it is enabled again. {lost}"), "Disable the client")
        }
        "end-old-secret" => (
            "End the old secret of",
            "Whoever still uses the old secret is refused at once. The new one stays.".to_owned(),
            "End the old secret",
        ),
        "remove" => {
            let claims = client_claims::list(&form.admin.reading(), &id).await.map_err(failed)?.len();
            ("Remove", losses(&client, claims), "Remove the client")
        }
        "allow-claims" | "stop-claims" => return client_told::act(&mut form, &client, action == "allow-claims", (SECTION, &path)).await,
        "pause-stream" | "resume-stream" | "remove-stream" => return client_streams::act(&form, &client, &action, (SECTION, &path)).await,
        _ => return Err(PageError::stale_form()),
    };
    let heading = format!("{heading} {}?", client.client_name);
    let command = shell::line(&format!("client {action}"), &[&client.client_id], "");
    let asked = Confirmation { section: SECTION, heading, lead, path: path.clone(), back: path.clone(), submit, command };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    match action.as_str() {
        "disable" => {
            admin.change(|change| Box::pin(clients::set_enabled(change, &id, false))).await.map_err(failed)?;
            admin.done("disabled", &path)
        }
        "remove" => match form.change_drawn(|change| Box::pin(clients::remove(change, &id))).await {
            Ok(_) => admin.done("removed", PATH),
            Err(refused) => form.removed_already(refused, PATH),
        },
        _ => {
            form.change_drawn(|change| Box::pin(clients::end_old_secrets(change, &id))).await.map_err(failed)?;
            admin.done("ended", &path)
        }
    }
}
