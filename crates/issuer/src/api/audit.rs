//! `/api/v1/audit`: the audit trail, newest events first.

use uuid::Uuid;

use crate::admin::audit::{self, AuditFilter, AuditQuery};
use crate::admin::{Fault, Refused};
use crate::api::access::Access;
use crate::api::message::{Answer, Name, page, shown};
use crate::web::error::problem::Problem;
use crate::web::file::{self, Lines};

/// The parameters of the list of all events and of its file.
const FILTERS: [&str; 9] = ["user", "client", "event", "actor", "address", "request_id", "object", "from", "until"];

/// The largest number of events of a file.
const MOST: u64 = 10_000;

/// Reads the filter of the request.
async fn filter(access: &Access) -> Result<AuditFilter, Problem> {
    let text = |name| access.text(name).map(str::to_owned);
    let query = AuditQuery {
        user: text("user"),
        client: text("client"),
        event: text("event"),
        actor: text("actor"),
        address: text("address"),
        request_id: text("request_id"),
        object: text("object"),
        from: text("from"),
        until: text("until"),
    };
    query.check(&access.reading()).await.map_err(of_parameter)
}

pub(super) async fn list(access: Access) -> Answer {
    let (window, filter) = Problem::of_both(access.window(&FILTERS), filter(&access).await)?;
    Ok(page(&access, audit::list(&access.reading(), &filter, &window).await.map_err(of_parameter)?, window.limit))
}

pub(super) async fn lines(access: Access) -> Answer {
    let ((), filter) = Problem::of_both(access.require_known(&FILTERS), filter(&access).await)?;
    let (app, actor) = access.owned();
    Ok(file::audit_trail(app, actor, filter, Lines::Json, MOST).await?)
}

pub(super) async fn of_user(access: Access, Name(id): Name<Uuid>) -> Answer {
    let window = access.window(&["from", "until"]);
    let text = |name| access.text(name).map(str::to_owned);
    let query = AuditQuery { user: Some(id.to_string()), from: text("from"), until: text("until"), ..AuditQuery::default() };
    let filter = query.check(&access.reading()).await.map_err(of_parameter);
    let (window, filter) = Problem::of_both(window, filter)?;
    Ok(page(&access, audit::list(&access.reading(), &filter, &window).await.map_err(of_parameter)?, window.limit))
}

pub(super) async fn show(access: Access, Name(id): Name<i64>) -> Answer {
    Ok(shown(audit::show(&access.reading(), id).await?))
}

/// Names the parameters of the query at fault. The cursor of a page is the parameter `after`.
pub(super) fn of_parameter(refused: Refused) -> Problem {
    let Refused::Invalid(faults) = refused else { return refused.into() };
    let of = |fault: Fault| {
        let name = if fault.field == "cursor" { "after" } else { fault.field };
        Problem::of_parameter(name, format!("expected {}", fault.expected))
    };
    faults.into_iter().map(of).reduce(Problem::and).unwrap_or_else(|| Problem::of_parameter("query", "expected other values"))
}
