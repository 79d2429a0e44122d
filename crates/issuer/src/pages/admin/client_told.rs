//! What a client is told of people, on its page: in which tokens, of which groups, and whether of groups, roles and attributes at all, which an
//! administrator allows and stops by a button.

use axum::response::Response;

use crate::admin::clients::ClientView;
use crate::admin::edit_client::{self, ClientEdit, ClientPatch};
use crate::admin::patch::Patch;
use crate::admin::{Listing, Refused};
use crate::fetch::budget::Asker;
use crate::oauth::client_claim::{ClaimSource, ClientClaim, MappedGroup, Shape};
use crate::pages::admin::shell::Line;
use crate::pages::admin::view::{Button, Cell, Section, Table, encode};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed};
use crate::web::error::page::PageError;

/// Returns the section about what `client`, whose page lies at `path`, is told of people. `claims` are those that it gets beside the claims of
/// its scopes. `may_change` says whether each has a link to its form.
pub(super) fn section(client: &ClientView, claims: Vec<ClientClaim>, path: &str, may_change: bool) -> Section {
    let row = |claim: ClientClaim| {
        let shape = Cell::text(in_words(claim.shape));
        let mut cells = vec![Cell::text(claim.claim.clone()), source(&claim), shape, Cell::text(claim.places())];
        if may_change {
            let link = format!("{path}/claim?claim={}", encode(&claim.claim));
            cells.push(vec![Cell { text: "Change".to_owned(), link, ..Cell::default() }]);
        }
        cells
    };
    let columns = ["Claim", "Value", "Form", "In", "Action"];
    let columns = if may_change { &columns[..] } else { &columns[..4] };
    let button = if client.claims_allowed {
        Button::new("Stop telling it of groups, roles and attributes", path, "stop-claims").danger()
    } else {
        Button::new("Let it be told of groups, roles and attributes", path, "allow-claims")
    };
    Section {
        title: "Claims",
        lead: "What it is told of people. The table has the claims beside those of its scopes.".to_owned(),
        facts: vec![
            ("In ID tokens", Cell::text(in_id_tokens(client))),
            ("Which groups", Cell::text(which_groups(client))),
            ("Groups, roles, attributes", Cell::text(released(client))),
        ],
        table: Some(Table::new(columns, "None beside those of its scopes.").filled(Listing::whole(claims), path, row)),
        links: vec![("Add a claim", format!("{path}/claim")), ("Try what it is told", format!("{path}/try"))],
        buttons: vec![button],
        ..Section::default()
    }
}

/// Says how several values of a claim are written.
pub(super) fn in_words(shape: Shape) -> &'static str {
    match shape {
        Shape::List => "A list of all values",
        Shape::First => "The first value",
        Shape::Comma => "All values, separated by commas",
        Shape::Space => "All values, separated by spaces",
    }
}

/// Says whether ID tokens carry the claims of the scopes.
fn in_id_tokens(client: &ClientView) -> &'static str {
    if client.id_token_claims {
        "ID tokens carry the scopes' claims. So does UserInfo."
    } else {
        "ID tokens do not carry the scopes' claims. UserInfo does."
    }
}

/// Says of which of the user's groups the client is told.
fn which_groups(client: &ClientView) -> String {
    match client.group_filter.as_str() {
        "all" => "It is told of all groups that the user is in.".to_owned(),
        "prefix" => format!("It is told of those of the user's groups whose names begin with {}.", client.group_prefix),
        _ if client.groups.is_empty() => "It is told of no group, because it has no groups of its own.".to_owned(),
        _ => "It is told of those of its own groups that the user is in.".to_owned(),
    }
}

/// Says whether the client may be told of groups, roles and attributes at all.
fn released(client: &ClientView) -> &'static str {
    match (client.claims_allowed, client.registered_itself) {
        (true, true) => "It registered itself, and an administrator has let it be told of them.",
        (true, false) => "It may be told of them.",
        (false, true) => "It is not told of them, because it registered itself and no administrator has let it be told.",
        (false, false) => "It is not told of them, because an administrator has stopped it.",
    }
}

/// Returns the source of a claim in words. The names of attributes and groups are links.
fn source(claim: &ClientClaim) -> Vec<Cell> {
    match &claim.source {
        ClaimSource::User { field } => Cell::text(format!("{field} of the user")),
        ClaimSource::Attribute { attribute } => [Cell::text("attribute"), Cell::link("/admin/attributes", attribute)].concat(),
        ClaimSource::Groups => Cell::text("groups that pass the filter"),
        ClaimSource::Roles => Cell::text("roles"),
        ClaimSource::GroupMap { map, default } => {
            let entry = |entry: &MappedGroup| [Cell::link("/admin/groups", &entry.group), Cell::text(format!("gives {};", entry.value))];
            let otherwise = default.as_ref().map_or_else(|| "otherwise nothing".to_owned(), |value| format!("otherwise {value}"));
            map.iter().flat_map(entry).flatten().chain(Cell::text(otherwise)).collect()
        }
        ClaimSource::Fixed { value } => Cell::text(format!("always {value}")),
    }
}

/// Returns the change that lets the client be told of groups, roles and attributes, or stops it.
async fn prepared(admin: &Administrator, allow: bool) -> Result<ClientEdit, Refused> {
    let patch = ClientPatch { claims_allowed: Patch::Set(allow), ..ClientPatch::default() };
    ClientEdit::prepare(&admin.app, patch, Asker::Operator).await
}

/// Lets `client` be told of groups, roles and attributes, which the password confirms, or stops it. The last two are the section and the path of
/// the client's page.
pub(super) async fn act(
    form: &mut AdminForm,
    client: &ClientView,
    allow: bool,
    (section, path): (&'static str, &str),
) -> Result<Response, PageError> {
    let (id, name, actor) = (client.client_id.as_str(), &client.client_name, form.admin.as_confirmed());
    let edit = prepared(&form.admin, allow).await.map_err(failed)?;
    let tried = form.admin.try_out(&actor, move |change| Box::pin(edit_client::edit(change, id, edit, None)));
    tried.await.map_err(failed)?;
    let asks = if client.first_party { "" } else { " People who have consented to less are asked again." };
    let (heading, lead, submit) = if allow {
        let lead = format!("From then on its scopes and its claims tell it of the groups, roles and attributes of people.{asks}");
        (format!("Let {name} be told of groups, roles and attributes?"), lead, "Let it be told")
    } else {
        let lead = "New tokens and UserInfo no longer tell it of the groups, roles and attributes of people. Tokens that it has already say \
                    what they say until they expire.";
        (format!("Stop telling {name} of groups, roles and attributes?"), lead.to_owned(), "Stop telling it")
    };
    let command = Line::new("client edit").operand(id).set("--claims-allowed", if allow { "true" } else { "false" }).into();
    let asked = Confirmation { section, heading, lead, path: path.to_owned(), back: path.to_owned(), submit, command };
    let page = if allow { form.confirmed(asked).await? } else { form.agreed(asked).await? };
    if let Some(page) = page {
        return Ok(page);
    }
    let edit = prepared(&form.admin, allow).await.map_err(failed)?;
    form.change_drawn(move |change| Box::pin(edit_client::edit(change, id, edit, None))).await.map_err(failed)?;
    form.admin.done("saved", path)
}
