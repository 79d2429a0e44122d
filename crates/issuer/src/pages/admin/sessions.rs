//! The page of the sessions, which are browsers that are signed in.

use axum::response::Response;

use crate::admin::sessions::{self, SessionView};
use crate::pages::account::{browser_name, moment};
use crate::pages::admin::view::{Cell, List, Table};
use crate::pages::admin::{Administrator, failed, window};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

const PATH: &str = "/admin/sessions";

/// `GET /admin/sessions`: lists the sessions. They are ended at the page of their user.
pub async fn list(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let page = sessions::list(&admin.reading(), None, &window(&query)).await.map_err(failed)?;
    let row = |session: SessionView| {
        vec![
            Cell::link("/admin/users", &session.username),
            Cell::text(browser_name(&session.user_agent)),
            Cell::text(session.address),
            Cell::text(moment(session.created_at)),
            Cell::text(moment(session.last_used_at)),
        ]
    };
    let list = List {
        frame: admin.frame("Sessions", "signet session list").await?,
        heading: "Sessions",
        lead: "Browsers that are signed in. End them at the page of the user.",
        table: Table::new(&["User", "Browser", "Address", "Signed in", "Last used"], "Nobody is signed in.").filled(page, PATH, row),
        ..List::default()
    };
    html(&list, Csp::Own)
}
