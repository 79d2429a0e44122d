//! The page of the signing keys: the ring as a picture over time, and the forms that rotate and revoke.

use axum::response::Response;

use crate::admin::keys::{self, KeyView};
use crate::admin::words::duration;
use crate::admin::{Listing, Operation, Refused};
use crate::clock::{DAY, UnixSeconds};
use crate::config::Settings;
use crate::pages::account::moment;
use crate::pages::admin::figure::{Figure, Span, lanes};
use crate::pages::admin::view::{Button, Cell, Detail, Section, Table};
use crate::pages::admin::{AdminForm, Administrator, Confirmation, failed, shell};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Hidden, html};

const SECTION: &str = "Keys";
pub(super) const PATH: &str = "/admin/keys";
/// The number of keys that the picture shows, the latest ones.
const SHOWN: usize = 6;

/// Says which key signs and what comes next.
pub(super) fn summary(ring: &[KeyView]) -> String {
    let Some(active) = ring.iter().find(|key| key.state == "active") else {
        return "No key signs. Publish one, otherwise nobody can sign in.".to_owned();
    };
    let next = match ring.iter().find(|key| key.state == "published") {
        Some(next) => format!("The key {} is published already and signs from {} on.", short(&next.kid), moment(next.signs_from)),
        None => "The next key is published in time.".to_owned(),
    };
    let retired = match ring.iter().filter(|key| key.state == "retired").count() {
        0 => "",
        1 => " One retired key still verifies.",
        _ => " Some retired keys still verify.",
    };
    format!("The key {} signs since {}. {next}{retired}", short(&active.kid), moment(active.signs_from))
}

/// Returns the beginning of a key id, which tells the keys of a ring apart.
fn short(kid: &str) -> &str {
    kid.get(..8).unwrap_or(kid)
}

/// Returns the ring as a picture, the latest key at the foot.
fn picture(ring: &[KeyView], settings: &Settings, now: UnixSeconds) -> Figure {
    let shown = &ring[ring.len().saturating_sub(SHOWN)..];
    // A key signs until the next one does, and that is expected when the period of rotation has passed.
    let expected = |key: &KeyView| key.signs_until.unwrap_or((key.signs_from + settings.key_rotation_period).max(now));
    let leaves = |key: &KeyView| key.leaves_at.unwrap_or(expected(key) + settings.retired_key_lifetime());
    let first = shown.iter().map(|key| key.published_at).min().unwrap_or(now);
    let last = shown.iter().map(leaves).max().unwrap_or(now).max(now + DAY);
    let lane = |key: &KeyView| {
        let ends = key.revoked_at.unwrap_or(UnixSeconds::MAX);
        let signs_until = expected(key);
        let until = if key.signs_until.is_none() && key.revoked_at.is_none() { "about " } else { "" };
        let spans = [
            (key.published_at, key.signs_from, "two", format!("published from {}", moment(key.published_at))),
            (key.signs_from, signs_until, "one", format!("signs from {} until {until}{}", moment(key.signs_from), moment(signs_until))),
            (signs_until, leaves(key), "four", format!("retired, verifies until {until}{}", moment(leaves(key)))),
        ];
        let cut = |(from, until, class, title): Span| (from < ends && from < until).then_some((from, until.min(ends), class, title));
        let mut spans: Vec<Span> = spans.into_iter().filter_map(cut).collect();
        spans.extend(key.revoked_at.map(|at| (at, at, "fault", format!("revoked at {}", moment(at)))));
        (format!("{}, {}", short(&key.kid), key.state), spans)
    };
    let day = |at: UnixSeconds| (at, moment(at).split(", ").next().unwrap_or_default().to_owned());
    let dates = [day(first), (now, "now".to_owned()), day(last)];
    // Dates that would stand on each other are left out.
    let room = (last - first) / 4;
    let dates = dates.iter().filter(|(at, text)| text == "now" || (at - now).abs() > room).cloned().collect();
    Figure {
        title: "The keys over time".to_owned(),
        summary: format!("{} The table below has the times.", summary(ring)),
        legend: [("two", "published, waits"), ("one", "signs"), ("four", "retired, only verifies"), ("fault", "revoked")]
            .map(|(class, text)| (class, text.to_owned()))
            .to_vec(),
        ..lanes(shown.iter().map(lane).collect(), (first, last), now, dates)
    }
}

/// `GET /admin/keys`: shows the key ring.
pub async fn list(admin: Administrator) -> Result<Response, PageError> {
    let ring = keys::list(&admin.reading()).await.map_err(failed)?;
    let picture = picture(&ring, &admin.app.settings, admin.app.now());
    let or_dash = |at: Option<UnixSeconds>| Cell::text(at.map_or_else(|| "–".to_owned(), moment));
    let lead = summary(&ring);
    let row = |key: KeyView| {
        let button = Button {
            fields: vec![Hidden::new("action", "revoke"), Hidden::new("kid", &key.kid)],
            ..Button { about: key.kid.clone(), ..Button::new("Revoke", PATH, "revoke").danger() }
        };
        let is_revocable = !matches!(key.state, "revoked" | "gone");
        let signs = key.revoked_at.is_none_or(|at| at > key.signs_from).then_some(key.signs_from);
        vec![
            Cell::text(key.kid),
            vec![Cell::badge(key.state, matches!(key.state, "active" | "published"))],
            Cell::text(moment(key.published_at)),
            or_dash(signs),
            or_dash(signs.and(key.signs_until)),
            or_dash(key.revoked_at.or(key.leaves_at)),
            if is_revocable { Cell::button(button) } else { Vec::new() },
        ]
    };
    let columns = ["Key", "State", "Published", "Signs from", "Signs until", "Removed", "Action"];
    let mut sections = vec![Section {
        lead,
        figures: vec![(picture, None)],
        table: Some(Table::new(&columns, "There are no keys.").filled(Listing::whole(ring), PATH, row)),
        ..Section::default()
    }];
    if admin.may(Operation::KeyPublish) {
        sections.push(Section {
            title: "Rotate now",
            lead:
                "Keys rotate by themselves. A new key is published first and signs only when every service has read it, so that no token \
                   is refused."
                    .to_owned(),
            buttons: vec![Button::new("Publish a new key", PATH, "rotate")],
            ..Section::default()
        });
        sections.push(Section {
            title: "Revoke",
            lead:
                "Each key has a button in the table above. Use it only if the private part of the key may be known to somebody else. All \
                   tokens that it signed are refused."
                    .to_owned(),
            ..Section::default()
        });
    }
    let detail = Detail {
        frame: admin.frame(SECTION, "signet keys list").await?,
        heading: "Keys".to_owned(),
        lead: "Tokens are signed with the active key. A published key waits until every service has it; a retired key only verifies."
            .to_owned(),
        sections,
        ..Detail::default()
    };
    html(&detail, Csp::Own)
}

/// Says what follows from revoking the key `kid`.
fn consequences(ring: &[KeyView], kid: &str, settings: &Settings) -> String {
    let state = ring.iter().find(|key| key.kid == kid).map_or("", |key| key.state);
    let next = ring.iter().find(|key| key.state == "published" && key.kid != kid);
    let then = match (state, next) {
        ("active", Some(next)) => {
            format!("It signs at present: the key {}, which is published already, signs from now on in its place.", short(&next.kid))
        }
        ("active", None) => format!(
            "It signs at present, and no other key is published: a new one is made and signs from now on. Services that have not read it \
             yet refuse new tokens, for up to {} with the verifier of this project.",
            duration(settings.jwks_max_age)
        ),
        ("published", _) => "It has signed nothing yet, so no token is refused. The next key is published by itself.".to_owned(),
        _ => "It signs no more; another key does.".to_owned(),
    };
    let lost = match state {
        "published" => String::new(),
        _ => format!(
            " Every access token and ID token that it signed is refused, so people must sign in again at services that hold them, or \
             their applications refresh. {} A revocation cannot be undone.",
            keys::Notice::of(settings).sentences(settings).join(" ")
        ),
    };
    then + &lost
}

/// Refuses what cannot be done with the keys of `ring`, before a page asks to confirm it.
fn require_possible(ring: &[KeyView], action: &str, kid: &str) -> Result<(), Refused> {
    if action == "rotate" {
        return match ring.iter().find(|key| key.state == "published") {
            Some(waiting) => {
                let from = moment(waiting.signs_from);
                Err(Refused::Conflict(format!("the key {} is published already; it signs from {from} on", waiting.kid)))
            }
            None => Ok(()),
        };
    }
    match ring.iter().find(|key| key.kid == kid).map(|key| key.state) {
        None => Err(Refused::not_found("key", kid)),
        Some("revoked" | "gone") => Err(Refused::Conflict(format!("the key {kid} is not in the JWKS any more, so it need not be revoked"))),
        Some(_) => Ok(()),
    }
}

/// `POST /admin/keys`: publishes a new key, or revokes one.
pub async fn act(mut form: AdminForm) -> Result<Response, PageError> {
    let (action, kid) = (form.text("action"), form.text("kid"));
    let ring = keys::list(&form.admin.reading()).await.map_err(failed)?;
    let (heading, lead, submit) = match action.as_str() {
        "rotate" => (
            "Publish a new key?".to_owned(),
            "It signs as soon as every service has read it. The present key verifies on until its last token has expired.".to_owned(),
            "Publish a new key",
        ),
        "revoke" => (format!("Revoke the key {kid}?"), consequences(&ring, &kid, &form.admin.app.settings), "Revoke the key"),
        _ => return Err(PageError::stale_form()),
    };
    require_possible(&ring, &action, &kid).map_err(failed)?;
    let command = if action == "rotate" { shell::line("keys rotate", &[], "") } else { shell::line("keys revoke", &[&kid], "") };
    let asked = Confirmation { section: SECTION, heading, lead, path: PATH.to_owned(), back: PATH.to_owned(), submit, command };
    if let Some(page) = form.confirmed(asked).await? {
        return Ok(page);
    }
    let admin = &form.admin;
    let key = admin.app.rotation().generate().map_err(PageError::from)?;
    if action == "rotate" {
        admin.change(move |change| Box::pin(keys::publish(change, key))).await.map_err(failed)?;
        admin.done("rotated", PATH)
    } else {
        admin.change(|change| Box::pin(keys::revoke(change, &kid, key))).await.map_err(failed)?;
        admin.done("revoked", PATH)
    }
}
