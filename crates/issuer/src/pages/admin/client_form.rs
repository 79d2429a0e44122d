//! The form that adds a client, from a preset or from nothing.

use axum::response::Response;
use serde_json::Value;

use crate::admin::clients::{self, Added};
use crate::admin::new_client::{ClientDraft, NewClient};
use crate::admin::presets::{self, Preset};
use crate::admin::{Change, Faults, Listing, Refused};
use crate::fetch::budget::Asker;
use crate::fetch::logo::Logo;
use crate::oauth::access::Access;
use crate::oauth::application_type::ApplicationType;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::json;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::{is_administration, words};
use crate::pages::admin::client_secrets::{Shown, shown_once};
use crate::pages::admin::clients::{PATH, SECTION};
use crate::pages::admin::grant_words::grants;
use crate::pages::admin::view::{Cell, Field, FormPage, Kind, List, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, commands, failed};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Hidden, html};

/// The members of the metadata that are URLs, with their labels and hints.
pub(super) const URLS: [(&str, &str, &str); 8] = [
    ("client_uri", "Home page", "Linked on the consent page."),
    ("logo_uri", "Logo", "An image, which is fetched now and served by the issuer."),
    ("policy_uri", "Privacy policy", "Linked on the consent page."),
    ("tos_uri", "Terms of service", "Linked on the consent page."),
    ("initiate_login_uri", "Where other sites may start a sign-in", ""),
    ("backchannel_logout_uri", "Where it is told of a sign-out", "The issuer posts a logout token there when a session has ended."),
    ("frontchannel_logout_uri", "What it shows in a frame at a sign-out", "At the scheme, host and port of a redirect URI."),
    ("jwks_uri", "Public keys", "The URL of a JWK set, for private_key_jwt."),
];

/// The members of the metadata that are true or false, with their labels.
pub(super) const FLAGS: [(&str, &str); 2] = [
    ("backchannel_logout_session_required", "It needs the session (sid) when it is told of a sign-out"),
    ("frontchannel_logout_session_required", "It needs the issuer and the session (iss and sid) in the frame"),
];

/// Returns the fields that a new client and an existing one have in common.
pub(super) fn fields() -> Vec<Field> {
    let access =
        vec![("", "Choose who may sign in"), ("everyone", "Everyone may sign in"), ("groups", "Members of its groups may sign in")];
    let methods = vec![
        ("", "Any for which it has a secret or keys"),
        ("client_secret_basic", "Its secret, in the header (client_secret_basic)"),
        ("client_secret_post", "Its secret, in the form (client_secret_post)"),
        ("private_key_jwt", "A signed assertion (private_key_jwt)"),
    ];
    let pkce = vec![
        ("", "As usual: PKCE if it is public, otherwise PKCE or a nonce"),
        ("required", "PKCE, in every sign-in"),
        ("nonce", "PKCE, or openid with a nonce"),
        ("optional", "Nothing"),
    ];
    let filters = vec![
        ("assigned", "Those of its own groups that the user is in"),
        ("prefix", "Those whose names begin with the text below"),
        ("all", "All groups that the user is in"),
    ];
    let mut fields = vec![
        Field::new("client_name", "Name", Kind::Text).hint("As pages show it to people."),
        Field::part(
            "Who may use it",
            "Everyone, or only the members of its groups. There is no default, so that nobody opens it by mistake.",
        ),
        Field::new("access", "Who may sign in", Kind::Choice(access)),
        Field::new("groups", "Groups", Kind::Lines)
            .hint("Names of groups, one per line. Their members may sign in, and it is told of them."),
        Field::part(
            "How it is used",
            "Where browsers are sent after a sign-in, what it may ask for, and the ways in which it gets tokens.",
        ),
        Field::new("redirect_uris", "Redirect URIs", Kind::Lines).hint("One per line, such as https://app.example.com/callback."),
        Field::new("scope", "Scopes", Kind::Text).hint("Separated by spaces, such as openid profile email."),
    ];
    fields.extend(grants().map(|(grant, label)| Field::new(format!("grant_types.{}", grant.name()), label, Kind::Check)));
    fields.extend([
        Field::new("public", "It is public: it runs in a browser or on people's devices and keeps no secret", Kind::Check),
        Field::new("first_party", "It is our own, so people are not asked for consent", Kind::Check),
        Field::part("How it proves who it is, and for which service", "Most applications need no other values than these."),
        Field::new("default_resource", "Default resource", Kind::Text).hint("The identifier of the service that its tokens are for."),
        Field::new("token_endpoint_auth_method", "It proves who it is by", Kind::Choice(methods)),
        Field::new("pkce", "Each sign-in must carry", Kind::Choice(pkce)).hint(
            "PKCE is a secret of one sign-in, and a nonce a random number in its ID token. By either the application sees that it began the \
             sign-in itself, so that nobody can slip it the sign-in of somebody else.",
        ),
        Field::new("origins", "Origins", Kind::Lines).hint("Whose scripts may call /token; empty for those of the redirect URIs."),
        Field::part("What it is told of people", "Claims beside those of its scopes are added on the page of the client."),
        Field::new("id_token_claims", "ID tokens also carry the claims of the granted scopes", Kind::Check),
        Field::new("signals_of_all_users", "Its streams of Shared Signals tell of all users, not only of those who use it", Kind::Check),
        Field::new("group_filter", "Groups that it is told of", Kind::Choice(filters)),
        Field::new("group_prefix", "Beginning of the names", Kind::Text),
        Field::part("Signing out", "Where people are sent after they signed out, and how it is told that a session has ended."),
        Field::new("post_logout_redirect_uris", "Redirect URIs after signing out", Kind::Lines).hint("One per line."),
    ]);
    let url = |(name, label, hint): &(&str, &str, &str)| Field::new(*name, *label, Kind::Text).hint(*hint);
    let (of_sign_out, others): (Vec<_>, Vec<_>) = URLS.iter().partition(|(name, ..)| name.ends_with("channel_logout_uri"));
    fields.extend(of_sign_out.into_iter().map(url));
    fields.extend(FLAGS.map(|(name, label)| Field::new(name, label, Kind::Check)));
    fields.extend([
        Field::new("session_management", "Its pages may watch by a frame whether people are still signed in", Kind::Check),
        Field::part("What people see of it, and its keys", "Pages that ask people for their consent show these. Nothing here is needed."),
        Field::new("native", "It is installed on people's devices", Kind::Check),
    ]);
    fields.extend(others.into_iter().map(url));
    fields.push(Field::new("jwks", "Public keys, in place of their URL", Kind::Lines).hint("A JWK set as JSON, for private_key_jwt."));
    fields
}

/// `GET /admin/clients/new`: offers the presets, or shows the form of the one that was chosen.
pub async fn new(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let chosen = query.text("preset").to_owned();
    if chosen.is_empty() {
        let views = presets::list(&admin.reading()).map_err(failed)?;
        let row = |preset: presets::PresetView| {
            let link = Cell { text: preset.title.to_owned(), link: format!("{PATH}/new?preset={}", preset.name), ..Cell::default() };
            vec![vec![link], Cell::text(preset.about), Cell::text(preset.proof)]
        };
        let list = List {
            frame: admin.frame(SECTION, "signet client presets").await?,
            heading: "Add a client",
            lead: "Choose what the application is. The form is then filled in, and the next page shows the lines to paste into it.",
            links: vec![("Start from an empty form", "/admin/clients/new?preset=none")],
            table: Table::new(&["Preset", "For", "Proof"], "").filled(Listing::whole(views), PATH, row),
            ..List::default()
        };
        return html(&list, Csp::Own);
    }
    let preset = preset_of(&chosen).map_err(failed)?;
    new_form(&admin, preset).await?.respond()
}

fn preset_of(name: &str) -> Result<Option<&'static Preset>, Refused> {
    if name == "none" { Ok(None) } else { presets::find(name).map(Some) }
}

/// Returns the value of a field for a new client.
fn of_draft(name: &str, draft: &ClientDraft) -> String {
    match name {
        "client_id" => draft.client_id.clone().unwrap_or_default(),
        "client_name" => draft.client_name.clone(),
        "redirect_uris" => draft.redirect_uris.join("\n"),
        "post_logout_redirect_uris" => draft.metadata.post_logout_redirect_uris.join("\n"),
        "scope" => draft.scope.clone().unwrap_or_default().join(" "),
        "public" => draft.public.to_string(),
        "first_party" => draft.first_party.to_string(),
        "id_token_claims" => draft.id_token_claims.to_string(),
        "token_endpoint_auth_method" => draft.token_endpoint_auth_method.clone().unwrap_or_default(),
        "native" => (draft.metadata.application_type == Some(ApplicationType::Native)).to_string(),
        // The form of a preset that tells groups offers a choice that is empty, and begins with it.
        "group_filter" => draft.group_filter.clone().unwrap_or_default(),
        "pkce" => draft.pkce.map_or("", Pkce::as_str).to_owned(),
        "backchannel_logout_uri" => draft.metadata.backchannel_logout_uri.clone().unwrap_or_default(),
        name => match name.strip_prefix("grant_types.") {
            Some(grant) => draft.grant_types.iter().any(|own| own == grant).to_string(),
            None => String::new(),
        },
    }
}

async fn new_form(admin: &Administrator, preset: Option<&Preset>) -> Result<FormPage, PageError> {
    let mut fields = fields();
    if preset.is_some_and(Preset::tells_groups) {
        let usual = ("", "As usual: its own groups, or all groups if everyone may sign in");
        fields.iter_mut().filter(|field| field.name == "group_filter").for_each(|field| field.offer_first(usual));
    }
    fields
        .insert(0, Field::new("client_id", "Client id", Kind::Text).hint("a-z A-Z 0-9 - . _ ~; it never changes. Empty for a random one."));
    let mut lead = String::new();
    if let Some(preset) = preset {
        if preset.needs_url() {
            let hint = format!("Such as {}. It stands in the place of {{url}} below.", preset.example);
            fields.insert(0, Field::new("url", "Address of the application", Kind::Text).hint(hint));
        }
        let claims: Vec<&str> = preset.claims.iter().map(|claim| claim.claim).collect();
        lead = format!("{} {}", preset.about, preset.proof());
        if !claims.is_empty() {
            lead += &format!(" It is also told these claims: {}.", claims.join(", "));
        }
    }
    let draft = preset.map(|preset| preset.draft("{url}", false)).unwrap_or_default();
    let page = FormPage {
        frame: admin.frame(SECTION, "").await?,
        command: Some((commands::add_client, String::new())),
        heading: preset.map_or_else(|| "Add a client".to_owned(), |preset| format!("Add {}", preset.title)),
        lead,
        action: "/admin/clients/new".to_owned(),
        hidden: vec![Hidden::new("preset", preset.map_or("none", |preset| preset.name))],
        fields,
        submit: "Add the client",
        back: PATH.to_owned(),
        ..FormPage::default()
    };
    Ok(page.showing(|name| of_draft(name, &draft)))
}

/// Reads the JWK set. A text that is no JSON is kept as such, and refused with the rest of the form.
pub(super) fn jwks(form: &AdminForm) -> Option<Value> {
    let text = form.optional("jwks")?;
    Some(json::parse(text.as_bytes()).unwrap_or(Value::String(text)))
}

/// Reads the grants that were chosen.
pub(super) fn grant_types(form: &AdminForm) -> Vec<String> {
    let chosen = grants().into_iter().filter(|(grant, _)| form.is_checked(&format!("grant_types.{}", grant.name())));
    chosen.map(|(grant, _)| grant.name().to_owned()).collect()
}

/// Reads the client that was typed. `url` is the address of the application.
fn draft_of(form: &AdminForm, preset: Option<&Preset>, url: &str) -> ClientDraft {
    let access = Access::parse(&form.text("access"));
    let usual_filter = || preset.and_then(|preset| preset.group_filter(access, &form.lines("groups")));
    let placed =
        |name: &str| form.lines(name).into_iter().map(|line| if url.is_empty() { line } else { line.replace("{url}", url) }).collect();
    ClientDraft {
        client_id: form.optional("client_id"),
        client_name: form.text("client_name"),
        grant_types: grant_types(form),
        redirect_uris: placed("redirect_uris"),
        scope: Some(words(&form.text("scope")).map(str::to_owned).collect()),
        token_endpoint_auth_method: form.optional("token_endpoint_auth_method"),
        default_resource: form.optional("default_resource"),
        origins: form.lines("origins"),
        public: form.is_checked("public"),
        pkce: Pkce::parse(&form.text("pkce")),
        first_party: form.is_checked("first_party"),
        access,
        groups: form.lines("groups"),
        id_token_claims: form.is_checked("id_token_claims"),
        group_filter: form.optional("group_filter").or_else(usual_filter),
        group_prefix: form.text("group_prefix"),
        // The page of the client stops it.
        claims_allowed: None,
        signals_of_all_users: form.is_checked("signals_of_all_users"),
        session_management: form.is_checked("session_management"),
        metadata: ClientMetadata {
            application_type: form.is_checked("native").then_some(ApplicationType::Native),
            post_logout_redirect_uris: placed("post_logout_redirect_uris"),
            client_uri: form.optional("client_uri"),
            logo_uri: form.optional("logo_uri"),
            policy_uri: form.optional("policy_uri"),
            tos_uri: form.optional("tos_uri"),
            initiate_login_uri: form.optional("initiate_login_uri"),
            backchannel_logout_uri: match preset {
                // Nobody typed the address of the preset.
                Some(preset) if form.text("backchannel_logout_uri") == preset.backchannel_logout_uri => {
                    preset.draft(url, form.admin.app.settings.fetch_private_addresses).metadata.backchannel_logout_uri
                }
                _ => placed("backchannel_logout_uri").pop(),
            },
            backchannel_logout_session_required: form.is_checked("backchannel_logout_session_required"),
            frontchannel_logout_uri: form.optional("frontchannel_logout_uri"),
            frontchannel_logout_session_required: form.is_checked("frontchannel_logout_session_required"),
            jwks_uri: form.optional("jwks_uri"),
            jwks: jwks(form),
            ..ClientMetadata::default()
        },
    }
}

/// `POST /admin/clients/new`: adds a client and shows its secret and the lines to paste.
pub async fn add(mut form: AdminForm) -> Result<Response, PageError> {
    let preset = preset_of(&form.text("preset")).map_err(|_| PageError::stale_form())?;
    let lead = what_it_may(&form, preset);
    let command = form.command_of(new_form(&form.admin, preset).await?);
    let asked = || Confirmation {
        section: SECTION,
        heading: "Add the client?".to_owned(),
        lead: lead.clone(),
        path: "/admin/clients/new".to_owned(),
        back: PATH.to_owned(),
        submit: "Add the client",
        command: command.clone(),
    };
    if let Some(page) = form.check_confirmation(asked()).await? {
        return Ok(page);
    }
    let checked = preset.map_or_else(|| Ok(String::new()), |preset| preset.check_url(Some(&form.text("url"))));
    // Everything else that is wrong is told at once, too.
    let url = checked.as_deref().unwrap_or_else(|_| preset.map_or("", |preset| preset.example));
    let client = clients::check(&form.admin.reading(), draft_of(&form, preset, url)).await;
    let outcome = match Faults::of_both(checked, client) {
        Ok((url, client)) => attempt_add(&form, preset, client).await.map(|added| (added, url)),
        Err(refused) => Err(refused),
    };
    let (Added { client, client_secret }, url) = match outcome {
        Ok(done) => done,
        Err(Refused::StaleAuthentication) => return form.confirmed(asked()).await?.ok_or_else(PageError::stale_form),
        Err(Refused::Taken(_)) if form.is_confirmation() && is_as_typed(&form).await => {
            let id = form.text("client_id");
            let lead = "If it has a secret, that was shown once, in the answer to that. If you have not got it, make a new one.";
            return form.added_already(SECTION, &id, lead, ("Go to the client", format!("{PATH}/{}", encode(&id)))).await;
        }
        Err(refused) => return form.refused(new_form(&form.admin, preset).await?, refused),
    };
    let issuer = &form.admin.app.settings.issuer;
    let lines = preset.map(|preset| preset.lines(issuer, &url, &client.client_id, client_secret.as_deref())).unwrap_or_default();
    let proof = preset.map(Preset::proof).unwrap_or_default();
    let heading = format!("{} was added", client.client_name);
    let shown = Shown { heading, secret: client_secret.as_deref(), proof: &proof, paste: &lines, command };
    shown_once(&form.admin, &client.client_id, shown).await
}

/// Returns whether there is a client of the id and the name that were typed. Then this form has added it before.
async fn is_as_typed(form: &AdminForm) -> bool {
    let found = clients::show(&form.admin.reading(), &form.text("client_id")).await;
    found.is_ok_and(|client| client.client_name == form.text("client_name"))
}

/// Says what the new client may do, for the page that asks for the password.
fn what_it_may(form: &AdminForm, preset: Option<&Preset>) -> String {
    let scope = form.text("scope");
    let uris = form.lines("redirect_uris").join(", ").replace("{url}", form.text("url").trim_end_matches('/'));
    let mut sentences = vec![match scope.as_str() {
        "" => "It may ask for no scopes.".to_owned(),
        scope => format!("It may ask for tokens with these scopes: {scope}."),
    }];
    let administers: Vec<&str> = words(&scope).filter(|name| is_administration(name)).collect();
    if !administers.is_empty() {
        sentences.push(format!("It may administer this issuer by the scopes {}.", administers.join(", ")));
    }
    if !uris.is_empty() {
        sentences.push(format!("After a sign-in people are sent to {uris}, with what lets whoever runs it act for them."));
    }
    let claims: Vec<&str> = preset.iter().flat_map(|preset| preset.claims).map(|claim| claim.claim).collect();
    if !claims.is_empty() {
        sentences.push(format!("Beside the claims of its scopes it is told these: {}.", claims.join(", ")));
    }
    sentences.join(" ")
}

/// Adds the client `client`, with the claims of `preset` if it was made from one.
async fn add_from(
    change: &mut Change<'_>,
    preset: Option<&'static Preset>,
    client: NewClient,
    logo: Option<Logo>,
) -> Result<Added, Refused> {
    match preset {
        Some(preset) => presets::add(change, preset, client, logo).await,
        None => clients::add(change, client, logo, None).await,
    }
}

/// Adds the client that was typed and checked. Unless the password was just given, adds nothing: fails with what is wrong, or else with
/// [`Refused::StaleAuthentication`].
async fn attempt_add(form: &AdminForm, preset: Option<&'static Preset>, client: NewClient) -> Result<Added, Refused> {
    let app = &form.admin.app;
    let logo = clients::fetch_logo(app, client.metadata(), Asker::Operator).await?;
    let actor = form.admin.as_confirmed();
    if form.is_confirmation() {
        form.attempt(&form.admin.actor, move |change| Box::pin(add_from(change, preset, client, logo))).await
    } else {
        let tried = form.admin.try_out(&actor, move |change| Box::pin(add_from(change, preset, client, logo))).await;
        tried.and(Err(Refused::StaleAuthentication))
    }
}
