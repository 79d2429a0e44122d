//! The pages of clients: the list, one client with what to copy and its claims, and the trial of what it is told of a user.

use axum::extract::Path;
use axum::response::Response;
use serde_json::Value;

use crate::admin::clients::{self, ClientFilter, ClientView};
use crate::admin::trial::{self, TrialRequest, TriedClaim};
use crate::admin::{Fault, Listing, Operation, Refused, client_claims};
use crate::oauth::client_claim::{ClaimSource, ClientClaim, MappedGroup, Shape};
use crate::pages::account::moment;
use crate::pages::admin::view::{Button, Cell, Detail, Field, FormPage, Kind, List, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Hidden, html};

const SECTION: &str = "Clients";
const PATH: &str = "/admin/clients";

fn path(id: &str) -> String {
    format!("{PATH}/{}", encode(id))
}

/// `GET /admin/clients`: lists the clients.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let page = clients::list(&admin.reading(), ClientFilter::default(), &window(&query)).await.map_err(failed)?;
    let row = |client: ClientView| {
        let marks = [(!client.enabled, "disabled"), (client.registered_itself, "registered itself"), (client.first_party, "our own")];
        vec![
            Cell::link(PATH, &client.client_id),
            Cell::text(client.client_name),
            Cell::text(client.grant_types.join(", ")),
            marks.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| Cell::badge(text, text == "our own")).collect(),
        ]
    };
    let list = List {
        frame: admin.frame(SECTION, "signet client list").await?,
        heading: "Clients",
        lead: "Applications that sign people in, and services that ask for tokens of their own.",
        links: Vec::new(),
        search_label: "",
        search_path: PATH,
        search: String::new(),
        table: Table::new(&["Client id", "Name", "Grants", ""], "There are no more clients.").filled(page, PATH, row),
    };
    html(&list, Csp::Own)
}

/// Returns the source of a claim in words.
fn source(claim: &ClientClaim) -> String {
    match &claim.source {
        ClaimSource::User { field } => format!("{field} of the user"),
        ClaimSource::Attribute { attribute } => format!("attribute {attribute}"),
        ClaimSource::Groups => "groups that pass the filter".to_owned(),
        ClaimSource::Roles => "roles".to_owned(),
        ClaimSource::GroupMap { map, default } => {
            let mut entries: Vec<String> = map.iter().map(|entry| format!("{} gives {}", entry.group, entry.value)).collect();
            entries.extend(default.as_ref().map(|value| format!("otherwise {value}")));
            entries.join(", ")
        }
        ClaimSource::Fixed { value } => format!("always {value}"),
    }
}

fn places(claim: &ClientClaim) -> &'static str {
    match (claim.in_id_token, claim.in_userinfo) {
        (true, true) => "ID token and UserInfo",
        (true, false) => "ID token",
        (false, _) => "UserInfo",
    }
}

/// `GET /admin/clients/{id}`: shows a client.
pub async fn show(admin: Administrator, Path(id): Path<String>) -> Result<Response, PageError> {
    let reading = admin.reading();
    let client = clients::show(&reading, &id).await.map_err(failed)?;
    let claims = client_claims::list(&reading, &id).await.map_err(failed)?;
    let (path, issuer) = (path(&client.client_id), &admin.app.settings.issuer);
    let list = |values: &[String]| Cell::text(if values.is_empty() { "–".to_owned() } else { values.join("\n") });
    let connection = format!(
        "Issuer:        {issuer}\nClient id:     {}\nDiscovery:     {}\nAuthorization: {}\nToken:         {}\nUserInfo:      {}\nJWKS:          {}",
        client.client_id,
        issuer.endpoint("/.well-known/openid-configuration"),
        issuer.endpoint("/authorize"),
        issuer.endpoint("/token"),
        issuer.endpoint("/userinfo"),
        issuer.endpoint("/.well-known/jwks.json"),
    );
    let row = |claim: ClientClaim| {
        let remove = Cell { text: "Change".to_owned(), link: format!("{path}/claim?claim={}", encode(&claim.claim)), ..Cell::default() };
        vec![Cell::text(claim.claim.clone()), Cell::text(source(&claim)), Cell::text(places(&claim)), vec![remove]]
    };
    let claims = Table::new(&["Claim", "Value", "In", ""], "None beside those of its scopes.").filled(Listing::whole(claims), &path, row);
    let mut buttons = Vec::new();
    if admin.may(Operation::ClientSetEnabled) {
        buttons.push(match client.enabled {
            true => Button::new("Disable the client", &path, "disable").danger(),
            false => Button::new("Enable the client", &path, "enable"),
        });
    }
    if admin.may(Operation::ClientRotateSecret) && !client.public {
        buttons.push(Button::new("Give it a new secret", &path, "rotate-secret"));
    }
    if admin.may(Operation::ClientRemove) {
        buttons.push(Button::new("Remove the client", &path, "remove").danger());
    }
    let detail = Detail {
        frame: admin.frame(SECTION, format!("signet client show {}", client.client_id)).await?,
        heading: client.client_name.clone(),
        badges: vec![Cell::badge(if client.enabled { "enabled" } else { "disabled" }, client.enabled)],
        lead: if client.registered_itself { "This client registered itself.".to_owned() } else { String::new() },
        sections: vec![
            Section { title: "To copy into the application", text: connection, ..Section::default() },
            Section {
                title: "Settings",
                facts: vec![
                    ("Type", Cell::text(if client.public { "public, without a secret" } else { "confidential" })),
                    ("Grants", Cell::text(client.grant_types.join(", "))),
                    ("Scopes", Cell::text(client.scope.clone())),
                    ("Redirect URIs", list(&client.redirect_uris)),
                    ("Origins", list(&client.origins)),
                    ("Default resource", Cell::text(client.default_resource.clone().unwrap_or_else(|| "–".to_owned()))),
                    ("Consent", Cell::text(if client.first_party { "not asked, because it is our own" } else { "asked" })),
                    ("PKCE", Cell::text(client.pkce.as_str())),
                    ("Valid secrets", Cell::text(client.secrets.to_string())),
                    ("Added", Cell::text(moment(client.created_at))),
                ],
                ..Section::default()
            },
            Section {
                title: "Claims",
                lead: "What it is told of a user beside the claims of its scopes.".to_owned(),
                table: Some(claims),
                links: vec![("Add a claim", format!("{path}/claim")), ("Try what it is told", format!("{path}/try"))],
                ..Section::default()
            },
            Section { title: "Access", buttons, ..Section::default() },
        ],
    };
    html(&detail, Csp::Own)
}

/// `POST /admin/clients/{id}`: does what a button of the page says.
pub async fn act(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let client = clients::show(&form.admin.reading(), &id).await.map_err(failed)?;
    let (path, name, action) = (path(&id), client.client_name, form.text("action"));
    let (heading, lead, submit) = match action.as_str() {
        "enable" => {
            form.admin.change(|change| Box::pin(clients::set_enabled(change, &id, true))).await.map_err(failed)?;
            return form.admin.done("enabled", &path);
        }
        "disable" => ("Disable", "Every request of it is refused until it is enabled again.".to_owned(), "Disable the client"),
        "rotate-secret" => (
            "Give a new secret to",
            "The present secret works on until the next rotation. Put the new one into the application soon.".to_owned(),
            "Make a new secret",
        ),
        "remove" => (
            "Remove",
            "Nobody can sign in to it any more. All authorizations and consents that people gave it are deleted.".to_owned(),
            "Remove the client",
        ),
        _ => return Err(PageError::stale_form()),
    };
    let heading = format!("{heading} {name}?");
    let asked = Confirmation { section: SECTION, heading, lead, path: path.clone(), back: path.clone(), submit };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    match action.as_str() {
        "disable" => {
            admin.change(|change| Box::pin(clients::set_enabled(change, &id, false))).await.map_err(failed)?;
            admin.done("disabled", &path)
        }
        "remove" => {
            admin.change(|change| Box::pin(clients::remove(change, &id))).await.map_err(failed)?;
            admin.done("removed", PATH)
        }
        _ => {
            let secret = admin.change(|change| Box::pin(clients::rotate_secret(change, &id, false))).await.map_err(failed)?;
            let detail = Detail {
                frame: admin.frame(SECTION, "").await?,
                heading: format!("The new secret of {name}"),
                badges: Vec::new(),
                lead: "Copy it now. It is not shown again.".to_owned(),
                sections: vec![Section { text: secret, links: vec![("Go to the client", path)], ..Section::default() }],
            };
            html(&detail, Csp::Own)
        }
    }
}

async fn claim_form(admin: &Administrator, id: &str) -> Result<FormPage, PageError> {
    let path = path(id);
    let sources = vec![
        ("groups", "The user's groups"),
        ("roles", "The user's roles"),
        ("user", "A field of the user"),
        ("attribute", "An attribute of the user"),
        ("group_map", "A value for the members of each group"),
        ("fixed", "The same value for everybody"),
    ];
    let shapes = vec![
        ("list", "A list of all values"),
        ("first", "The first value"),
        ("comma", "All values, separated by commas"),
        ("space", "All values, separated by spaces"),
    ];
    Ok(FormPage {
        frame: admin.frame(SECTION, format!("signet client claim set {id} CLAIM --from groups")).await?,
        heading: "A claim of the client".to_owned(),
        lead: "An earlier claim of the same name is replaced.".to_owned(),
        action: format!("{path}/claim"),
        hidden: Vec::new(),
        fields: vec![
            Field::new("claim", "Claim", Kind::Text).hint("The name that the application reads, such as groups."),
            Field::new("source", "Value", Kind::Choice(sources)),
            Field::new("field", "Field or attribute", Kind::Text).hint("For a field: username, email, sub, external_id, name, given_name."),
            Field::new("map", "Groups with their values", Kind::Lines)
                .hint("One per line, such as admins=Admin. The first that fits comes first."),
            Field::new("default", "Otherwise", Kind::Text).hint("The value for a user in none of these groups; empty for no claim."),
            Field::new("value", "Fixed value", Kind::Text).hint("JSON, such as \"readonly\" or [1, 2]."),
            Field::new("shape", "Form", Kind::Choice(shapes)),
            Field::new("in_id_token", "In ID tokens", Kind::Check),
            Field::new("in_userinfo", "In UserInfo", Kind::Check),
        ],
        submit: "Save the claim",
        danger: false,
        get: false,
        back: path,
        error: String::new(),
    })
}

/// `GET /admin/clients/{id}/claim`: shows the form of a claim.
pub async fn claim(admin: Administrator, Path(id): Path<String>, query: PageQuery) -> Result<Response, PageError> {
    let claims = client_claims::list(&admin.reading(), &id).await.map_err(failed)?;
    let stored = claims.into_iter().find(|claim| claim.claim == query.text("claim"));
    let form = claim_form(&admin, &id).await?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let value = |name: &str| match (name, &stored) {
        ("in_id_token" | "in_userinfo", None) => "true".to_owned(),
        (_, None) => String::new(),
        ("claim", Some(claim)) => claim.claim.clone(),
        ("source", Some(claim)) => claim.source.name().to_owned(),
        ("shape", Some(claim)) => claim.shape.as_str().to_owned(),
        ("in_id_token", Some(claim)) => claim.in_id_token.to_string(),
        ("in_userinfo", Some(claim)) => claim.in_userinfo.to_string(),
        (name, Some(claim)) => match (name, &claim.source) {
            ("field", ClaimSource::User { field: name } | ClaimSource::Attribute { attribute: name }) => name.clone(),
            ("map", ClaimSource::GroupMap { map, .. }) => {
                map.iter().map(|entry| format!("{}={}", entry.group, text(&entry.value))).collect::<Vec<_>>().join("\n")
            }
            ("default", ClaimSource::GroupMap { default: Some(value), .. }) => text(value),
            ("value", ClaimSource::Fixed { value }) => value.to_string(),
            _ => String::new(),
        },
    };
    let mut form = form.filled(value);
    if stored.is_some() {
        form.hidden.push(Hidden::new("stored", query.text("claim")));
        form.lead = "To take the claim away, empty its name and save.".to_owned();
    }
    form.respond()
}

/// Reads the claim that was typed.
fn typed_claim(form: &AdminForm) -> Result<ClientClaim, Refused> {
    let source = match form.text("source").as_str() {
        "groups" => ClaimSource::Groups,
        "roles" => ClaimSource::Roles,
        "attribute" => ClaimSource::Attribute { attribute: form.text("field") },
        "group_map" => {
            let entry = |line: String| {
                let (group, value) = line.rsplit_once('=')?;
                Some(MappedGroup { group: group.trim().to_owned(), value: value.trim().into() })
            };
            let map = form.lines("map").into_iter().map(entry).collect::<Option<Vec<_>>>();
            let map = map.ok_or_else(|| Refused::invalid("map", "lines such as admins=Admin"))?;
            ClaimSource::GroupMap { map, default: form.optional("default").map(Value::from) }
        }
        "fixed" => {
            let value = serde_json::from_str(&form.text("value"));
            ClaimSource::Fixed { value: value.map_err(|_| Refused::invalid("value", "JSON, such as \"readonly\" with its quotes"))? }
        }
        _ => ClaimSource::User { field: form.text("field") },
    };
    Ok(ClientClaim {
        claim: form.text("claim"),
        source,
        shape: Shape::parse(&form.text("shape")).unwrap_or(Shape::First),
        in_id_token: form.is_checked("in_id_token"),
        in_userinfo: form.is_checked("in_userinfo"),
    })
}

/// `POST /admin/clients/{id}/claim`: gives the client a claim, or takes it away if its name was emptied.
pub async fn put_claim(Path(id): Path<String>, mut form: AdminForm) -> Result<Response, PageError> {
    let (stored, claim) = (form.text("stored"), form.text("claim"));
    let (lead, submit) = if claim.is_empty() && !stored.is_empty() {
        (format!("The application is not told the claim {stored} any more."), "Take the claim away")
    } else {
        (format!("The application is told the claim {claim} of everybody who signs in to it."), "Save the claim")
    };
    let asked = Confirmation {
        section: SECTION,
        heading: "Change what the application is told?".to_owned(),
        lead,
        path: format!("{}/claim", path(&id)),
        back: path(&id),
        submit,
    };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    let changed = if claim.is_empty() && !stored.is_empty() {
        admin.change(|change| Box::pin(client_claims::remove(change, &id, &stored))).await
    } else {
        match typed_claim(&form) {
            Ok(claim) => admin.change(|change| Box::pin(client_claims::put(change, &id, claim))).await,
            Err(refused) => Err(refused),
        }
    };
    match changed {
        Ok(_) => admin.done("saved", &path(&id)),
        Err(refused) => form.refused(claim_form(admin, &id).await?, refused),
    }
}

/// `GET /admin/clients/{id}/try`: shows what the client would be told of a user. Nothing is signed and nobody is signed in.
pub async fn try_out(admin: Administrator, Path(id): Path<String>, query: PageQuery) -> Result<Response, PageError> {
    let client = clients::show(&admin.reading(), &id).await.map_err(failed)?;
    let path = path(&id);
    let frame = admin.frame(SECTION, format!("signet client try {id} --user USERNAME --scope openid")).await?;
    let fields = vec![
        Field::new("user", "Username", Kind::Text),
        Field::new("scope", "Scopes", Kind::Text).hint("Separated by spaces, such as openid email groups. Empty for the default ones."),
        Field::new("resource", "Resource", Kind::Text)
            .hint("The identifier of the service that the access token is for; empty for the default."),
    ];
    let form = FormPage {
        frame,
        heading: format!("Try what {} is told", client.client_name),
        lead: "Shows the claims of the ID token, of UserInfo and of the access token, and why others are missing. Nobody is signed in."
            .to_owned(),
        action: format!("{path}/try"),
        hidden: Vec::new(),
        fields,
        submit: "Try",
        danger: false,
        get: false,
        back: path.clone(),
        error: String::new(),
    };
    let form = form.filled(|name| query.text(name).to_owned());
    let user = query.text("user").to_owned();
    if user.is_empty() {
        return form.by_get().respond();
    }
    let some = |name: &str| Some(query.text(name).to_owned()).filter(|text| !text.is_empty());
    let request = TrialRequest { client_id: id, username: user.clone(), scope: some("scope"), resource: some("resource") };
    let tried = match trial::run(&admin.reading(), &request).await {
        Ok(tried) => tried,
        Err(Refused::Invalid(faults)) => return form.by_get().with_faults(&faults).respond(),
        Err(Refused::NotFound { noun: "user", .. }) => {
            let fault = Fault::new("user", "the username of a user");
            return form.by_get().with_faults(&[fault]).respond();
        }
        Err(refused) => return Err(failed(refused)),
    };
    let scopes = Table::new(&["Scope", "Outcome"], "No scope was asked for.").filled(Listing::whole(tried.scopes), "", |scope| {
        vec![Cell::text(scope.scope), scope.missing.map_or_else(|| vec![Cell::badge("granted", true)], Cell::text)]
    });
    let mut sections = vec![Section { title: "Scopes", table: Some(scopes), ..Section::default() }];
    for place in tried.places {
        let row = |claim: TriedClaim| {
            let value = claim.value.map_or_else(|| "–".to_owned(), |value| value.to_string());
            vec![Cell::text(claim.claim), Cell::text(value), Cell::text(claim.missing.map_or(claim.origin, str::to_owned))]
        };
        let rows = Table::new(&["Claim", "Value", "From"], "Nothing.").filled(Listing::whole(place.claims), "", row);
        let lead = format!("{} bytes of JSON; at most 6,144 about the user are issued.", place.bytes);
        sections.push(Section { title: place.place, lead, table: Some(rows), ..Section::default() });
    }
    sections.push(Section { links: vec![("Try another", format!("{path}/try")), ("Back to the client", path)], ..Section::default() });
    let heading = format!("What {} is told of {}", client.client_name, user);
    html(&Detail { frame: form.frame, heading, badges: Vec::new(), lead: String::new(), sections }, Csp::Own)
}
