//! The one search over users, groups and clients, which stands at the top of every page of the administration.

use axum::response::Response;

use crate::admin::clients::{self, ClientFilter};
use crate::admin::groups::{self, GroupFilter};
use crate::admin::users::{self, UserFilter};
use crate::admin::{Listing, Operation, Window};
use crate::pages::admin::shell::{self, Line};
use crate::pages::admin::view::{Cell, Detail, Frame, Search, Section, Table};
use crate::pages::admin::{Administrator, clients as client_pages, failed, groups as group_pages, users as user_pages};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

/// The number of results of each kind.
const LISTED: u64 = 10;

/// `GET /admin/search`: shows the first users, groups and clients that the words of `q` find.
pub async fn show(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let (reading, words) = (admin.reading(), query.text("q"));
    let window = Window { after: None, limit: LISTED };
    let mut sections = Vec::new();
    if !words.is_empty() {
        let search = Some(words.to_owned());
        if admin.may(Operation::UserList) {
            let filter = UserFilter { search: search.clone(), ..UserFilter::default() };
            let page = users::list(&reading, &filter, &window).await.map_err(failed)?;
            let table = Table::new(&user_pages::COLUMNS, "No user was found.");
            sections.push(section("Users", "All users that were found", "/admin/users", words, table, page, user_pages::row));
        }
        if admin.may(Operation::GroupList) {
            let page = groups::list(&reading, &GroupFilter { search: search.clone() }, &window).await.map_err(failed)?;
            let table = Table::new(&group_pages::COLUMNS, "No group was found.");
            sections.push(section("Groups", "All groups that were found", "/admin/groups", words, table, page, group_pages::row));
        }
        if admin.may(Operation::ClientList) {
            let page = clients::list(&reading, &ClientFilter { search, ..ClientFilter::default() }, &window).await.map_err(failed)?;
            let table = Table::new(&client_pages::COLUMNS, "No client was found.");
            sections.push(section("Clients", "All clients that were found", "/admin/clients", words, table, page, client_pages::row));
        }
    }
    let lead = "Each word must begin a word of the name; for users also of the username or email address, for clients of the client id.";
    // The command line searches one kind at a time.
    let kinds = [("user list", Operation::UserList), ("group list", Operation::GroupList), ("client list", Operation::ClientList)];
    let kinds = kinds.into_iter().filter(|(_, operation)| admin.may(*operation));
    let searched = if words.is_empty() { "WORDS" } else { words };
    let command = shell::all(&kinds.map(|(list, _)| Line::new(list).set("--search", searched).to_string()).collect::<Vec<_>>());
    let detail = Detail {
        frame: Frame { searched: words.to_owned(), ..admin.frame("", command).await? },
        heading: "Search".to_owned(),
        lead: lead.to_owned(),
        sections,
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

fn section<V>(
    title: &'static str,
    all: &'static str,
    path: &str,
    words: &str,
    table: Table,
    page: Listing<V>,
    row: impl Fn(V) -> Vec<Vec<Cell>>,
) -> Section {
    let links = page.next.is_some().then(|| (all, Search::path(path, words))).into_iter().collect();
    Section { title, table: Some(table.filled(Listing::whole(page.items), path, row)), links, ..Section::default() }
}
