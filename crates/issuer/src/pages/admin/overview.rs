//! The first page of the administration: what needs attention, what happens, the keys, what nobody uses, and where to go first.

use axum::response::Response;

use crate::admin::activity::{self, HourView};
use crate::admin::checks::{self, Finding};
use crate::admin::stale::{self, First, OldSecret, StaleUser, UNUSED_DAYS, UnusedClient};
use crate::admin::words::counted;
use crate::admin::{Listing, Operation, keys};
use crate::clock::{DAY, HOUR, UnixSeconds};
use crate::pages::account::moment;
use crate::pages::admin::figure::{Figure, Series, bars};
use crate::pages::admin::view::{Cell, Detail, Section, Table};
use crate::pages::admin::{Administrator, failed, keys as key_pages};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, html};

/// `GET /admin`: shows the overview. The charts are those of the last 24 hours, or of the last 7 days if the query says so.
pub async fn show(admin: Administrator, query: PageQuery) -> Result<Response, PageError> {
    let first_steps = Section {
        title: "First steps",
        lead: "Add a resource for each of your services, a role with its scopes, a group for each team, and then the applications."
            .to_owned(),
        links: vec![
            ("Resources", "/admin/resources".to_owned()),
            ("Roles", "/admin/roles".to_owned()),
            ("Groups", "/admin/groups".to_owned()),
            ("Users", "/admin/users".to_owned()),
            ("Clients", "/admin/clients".to_owned()),
        ],
        ..Section::default()
    };
    let (lead, sections) = if admin.may(Operation::CheckList) {
        let mut sections = vec![findings(&admin).await?, charts(&admin, query.text("range") == "week").await?, key_state(&admin).await?];
        sections.extend(unused(&admin).await?);
        sections.push(first_steps);
        (format!("The issuer {}.", admin.app.settings.issuer), sections)
    } else {
        let lead = "Search for the person whom you want to help, or look for them in the list of users.".to_owned();
        (lead, vec![Section { links: vec![("Users", "/admin/users".to_owned())], ..Section::default() }])
    };
    let command = if query.text("range") == "week" { "signet audit activity --hours 168" } else { "signet doctor" };
    let detail =
        Detail { frame: admin.frame("Overview", command).await?, heading: "Overview".to_owned(), lead, sections, ..Detail::default() };
    html(&detail, Csp::Own)
}

/// Shows everything that `signet doctor` reports, what needs attention first.
async fn findings(admin: &Administrator) -> Result<Section, PageError> {
    let mut findings = checks::list(&admin.reading()).await.map_err(failed)?;
    findings.sort_by_key(|finding| finding.ok);
    let faults = findings.iter().filter(|finding| !finding.ok).count();
    let row = |finding: Finding| {
        vec![Cell::text(finding.check), vec![Cell::badge(if finding.ok { "ok" } else { "to do" }, finding.ok)], Cell::text(finding.detail)]
    };
    Ok(Section {
        title: "Checks",
        lead: match faults {
            0 => "Everything is in order.".to_owned(),
            1 => "One thing needs attention.".to_owned(),
            several => format!("{several} things need attention."),
        },
        table: Some(Table::new(&["Check", "State", "Result"], "Nothing was checked.").filled(Listing::whole(findings), "", row)),
        ..Section::default()
    })
}

/// The kinds of tokens that the chart shows, with their colours and labels.
const TOKENS: [Kind; 4] = [
    ("tokens_refresh_token", "one", ["refreshed", "refreshed"]),
    ("tokens_authorization_code", "two", ["after a sign-in", "after sign-ins"]),
    ("tokens_client_credentials", "three", ["for a client itself", "for clients themselves"]),
    ("tokens_password", "four", ["by password", "by password"]),
];

/// A kind of numbers, its colour, and its label for one and for several.
type Kind = (&'static str, &'static str, [&'static str; 2]);

/// Shows the sign-ins and the tokens of the last 24 hours, or those of each of the last 7 days (in UTC).
async fn charts(admin: &Administrator, is_week: bool) -> Result<Section, PageError> {
    let of_today = u32::try_from(admin.app.now().rem_euclid(DAY) / HOUR).unwrap_or_default() + 1;
    let kept = u32::try_from(admin.app.settings.activity_retention / HOUR).unwrap_or(u32::MAX);
    let number = if is_week { 6 * 24 + of_today } else { 24 }.min(kept).max(1);
    let hours = activity::hours(&admin.reading(), None, number).await.map_err(failed)?;
    let span = if is_week { DAY } else { HOUR };
    let parts: Vec<&[HourView]> = hours.chunk_by(|a, b| a.hour.div_euclid(span) == b.hour.div_euclid(span)).collect();
    let labels: Vec<String> = parts.iter().map(|part| label(part[0].hour, is_week)).collect();
    let numbers = |kind: &str| parts.iter().map(|part| part.iter().filter_map(|hour| hour.counts.get(kind)).sum()).collect::<Vec<i64>>();
    let chart = |title: &str, columns: &[&'static str], kinds: &[Kind]| -> (Figure, Option<Table>) {
        let series: Vec<Series> =
            kinds.iter().map(|(kind, class, labels)| Series { class, labels: *labels, numbers: numbers(kind) }).collect();
        let row = |index: usize| {
            let counts = series.iter().map(|series| Cell::text(series.numbers[index].to_string()));
            std::iter::once(Cell::text(labels[index].clone())).chain(counts).collect()
        };
        let table = Table::new(columns, "").filled(Listing::whole((0..labels.len()).collect()), "", row);
        (bars(title, &labels, if is_week { 1 } else { 4 }, &series), Some(table))
    };
    let first = if is_week { "Day" } else { "Hour (UTC)" };
    let sign_ins = [("sign_ins", "one", ["sign-in", "sign-ins"]), ("failed_sign_ins", "fault", ["failure", "failures"])];
    let columns = [first, "Refreshed", "After a sign-in", "For clients themselves", "By password"];
    Ok(Section {
        title: "Activity",
        lead: format!(
            "The last {}, in UTC. The numbers lag by a minute.",
            if is_week { "7 days, today included" } else { "24 hours, the present one included" }
        ),
        figures: vec![
            chart("Sign-ins", &[first, "Sign-ins", "Failures"], &sign_ins),
            chart("Tokens, by the grant that gave them", &columns, &TOKENS),
        ],
        links: vec![if is_week { ("Last 24 hours", "/admin".to_owned()) } else { ("Last 7 days", "/admin?range=week".to_owned()) }],
        ..Section::default()
    })
}

/// Names an hour as `14:00`, or a day as `27 November`.
fn label(at: UnixSeconds, is_day: bool) -> String {
    let text = moment(at);
    let (day, time) = text.split_once(", ").unwrap_or((&text, ""));
    if is_day {
        let words: Vec<&str> = day.split(' ').collect();
        let month = words.get(1).map_or("", |month| month.get(..3).unwrap_or(month));
        return format!("{} {month}", words[0]);
    }
    time.trim_end_matches(" UTC").to_owned()
}

/// Shows which key signs and what comes next.
async fn key_state(admin: &Administrator) -> Result<Section, PageError> {
    let ring = keys::list(&admin.reading()).await.map_err(failed)?;
    Ok(Section {
        title: "Signing keys",
        lead: key_pages::summary(&ring),
        links: vec![("All keys", key_pages::PATH.to_owned())],
        ..Section::default()
    })
}

/// Lists the accounts and clients that nobody uses, and old secrets.
async fn unused(admin: &Administrator) -> Result<Vec<Section>, PageError> {
    let found = stale::stale(&admin.reading()).await.map_err(failed)?;
    let when =
        |at: Option<UnixSeconds>, since: UnixSeconds| Cell::text(at.map_or_else(|| format!("never, added {}", moment(since)), moment));
    let user = |user: StaleUser| {
        vec![
            Cell::link("/admin/users", &user.username),
            Cell::text(user.name.unwrap_or_default()),
            when(user.last_sign_in_at, user.created_at),
        ]
    };
    let client = |client: UnusedClient| {
        vec![Cell::link("/admin/clients", &client.client_id), Cell::text(client.client_name), when(client.last_used_at, client.created_at)]
    };
    let secret = |secret: OldSecret| {
        vec![
            Cell::link("/admin/clients", &secret.client_id),
            Cell::text(counted(secret.age_days, "day", "days")),
            Cell::text(secret.last_used_at.map_or_else(|| "never".to_owned(), moment)),
        ]
    };
    let days = counted(admin.app.settings.client_secret_max_age_days, "day", "days");
    Ok(vec![
        section(
            "Accounts that nobody uses",
            format!("Enabled users who have not signed in for {UNUSED_DAYS} days. Disable those who have left."),
            (
                &["Username", "Name", "Last sign-in"],
                &format!("Nobody. Every enabled user has signed in, or was added, in the last {UNUSED_DAYS} days."),
            ),
            found.users,
            user,
        ),
        section(
            "Clients that nobody uses",
            format!("Enabled clients that have asked for no token for {UNUSED_DAYS} days."),
            (
                &["Client", "Name", "Last used"],
                &format!("None. Every enabled client was used, or was added, in the last {UNUSED_DAYS} days."),
            ),
            found.clients,
            client,
        ),
        section(
            "Old secrets",
            format!("Secrets of clients that are older than {days}. Give the client a new one and let the old one end."),
            (&["Client", "Age", "Last used"], "No secret is that old."),
            found.secrets,
            secret,
        ),
    ])
}

fn section<V>(
    title: &'static str,
    lead: String,
    (columns, empty): (&[&'static str], &str),
    found: First<V>,
    row: impl Fn(V) -> Vec<Vec<Cell>>,
) -> Section {
    let more = if found.more { " There are more; these are the first." } else { "" };
    let table = Table::new(columns, empty).filled(Listing::whole(found.items), "", row);
    Section { title, lead: lead + more, table: Some(table), ..Section::default() }
}
