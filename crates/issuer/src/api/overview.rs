//! `/api/v1/checks`, `/stale` and `/activity`: what an administrator looks after.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::activity::{self, HourView};
use crate::admin::applications::{self, ApplicationView};
use crate::admin::checks::{self, Finding};
use crate::admin::{stale, users};
use crate::api::access::Access;
use crate::api::audit::of_parameter;
use crate::api::message::{Answer, Name, shown};
use crate::web::error::problem::Problem;

/// The number of hours that are counted unless the request names another.
const HOURS: u32 = 24;

/// The results of all checks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    pub items: Vec<Finding>,
}

/// The counts of the last hours, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivityOfHours {
    pub items: Vec<HourView>,
}

/// The clients that a user may sign in to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientsOfUser {
    /// `false` if the user is disabled and can sign in nowhere. Then the clients are those that they may sign in to once enabled.
    pub may_sign_in: bool,
    /// Those of the user's groups first, then those that everyone may use.
    pub items: Vec<ApplicationView>,
    /// `true` if there are others.
    pub more: bool,
}

pub(super) async fn checks(access: Access) -> Answer {
    access.require_known(&[])?;
    Ok(shown(Checks { items: checks::list(&access.reading()).await? }))
}

pub(super) async fn stale(access: Access) -> Answer {
    access.require_known(&[])?;
    Ok(shown(stale::stale(&access.reading()).await?))
}

pub(super) async fn activity(access: Access) -> Answer {
    let hours = access.text("hours").map_or(Ok(HOURS), str::parse);
    let hours = hours.map_err(|_| Problem::of_parameter("hours", "expected a number of hours, such as 24"));
    let ((), hours) = Problem::of_both(access.require_known(&["hours", "client"]), hours)?;
    let items = activity::hours(&access.reading(), access.text("client"), hours).await.map_err(of_parameter)?;
    Ok(shown(ActivityOfHours { items }))
}

pub(super) async fn clients_of_user(access: Access, Name(id): Name<Uuid>) -> Answer {
    access.require_known(&[])?;
    let user = users::show_by_id(&access.reading(), id).await?;
    let found = applications::of_user(&access.reading(), id).await?;
    Ok(shown(ClientsOfUser { may_sign_in: user.enabled, items: found.items, more: found.more }))
}
