//! The first page of the administration: what needs attention, the keys, and where to go first.

use axum::response::Response;

use crate::admin::checks::{self, Finding};
use crate::admin::{Listing, keys};
use crate::pages::account::moment;
use crate::pages::admin::view::{Cell, Detail, Section, Table};
use crate::pages::admin::{Administrator, failed};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, html};

/// `GET /admin`: shows what `signet doctor` reports, and the state of the keys.
pub async fn show(admin: Administrator) -> Result<Response, PageError> {
    let findings = checks::at_start(&admin.app).await;
    let faults = findings.iter().filter(|finding| !finding.ok).count();
    let row = |finding: Finding| {
        vec![Cell::text(finding.check), vec![Cell::badge(if finding.ok { "ok" } else { "to do" }, finding.ok)], Cell::text(finding.detail)]
    };
    let checks = Table::new(&["Check", "State", "Result"], "Nothing was checked.").filled(Listing::whole(findings), "", row);
    let mut sections = vec![
        Section {
            title: "Checks",
            lead: match faults {
                0 => "Everything is in order.".to_owned(),
                1 => "One thing needs attention.".to_owned(),
                several => format!("{several} things need attention."),
            },
            table: Some(checks),
            ..Section::default()
        },
        Section {
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
        },
    ];
    if let Ok(ring) = keys::list(&admin.reading()).await.map_err(failed)
        && let Some(active) = ring.iter().find(|key| key.state == "active")
    {
        let next = ring.iter().find(|key| key.state == "published");
        let next = next.map_or_else(|| "published in time".to_owned(), |key| format!("signs from {}", moment(key.signs_from)));
        sections.insert(
            1,
            Section {
                title: "Signing key",
                facts: vec![
                    ("Active", Cell::link("/admin/keys", &active.kid)),
                    ("Signs since", Cell::text(moment(active.signs_from))),
                    ("Next", Cell::text(next)),
                ],
                ..Section::default()
            },
        );
    }
    let detail = Detail {
        frame: admin.frame("Overview", "signet doctor").await?,
        heading: "Overview".to_owned(),
        badges: Vec::new(),
        lead: format!("The issuer {}.", admin.app.settings.issuer),
        sections,
    };
    html(&detail, Csp::Own)
}
