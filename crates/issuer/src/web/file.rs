//! Lists that are sent as files, page by page, so that the memory does not grow with the list.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;

use crate::admin::audit::{self, AuditFilter};
use crate::admin::review::{self, ReviewView};
use crate::admin::{Listing, Reading, Refused, Window, csv};
use crate::app::App;
use crate::audit::Actor;

/// The number of items that are read at a time.
const AT_ONCE: u64 = 500;

/// The form of a file.
#[derive(Debug, Clone, Copy)]
pub enum Lines {
    /// A header with these columns, and a line for each item.
    Csv(&'static [&'static str]),
    /// A JSON object for each item.
    Json,
}

impl Lines {
    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv(_) => "text/csv; charset=utf-8",
            Self::Json => "application/jsonl; charset=utf-8",
        })
    }

    fn end_of_name(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json => "jsonl",
        }
    }
}

/// A page of the list that is being read.
pub type Page<'a, V> = Pin<Box<dyn Future<Output = Result<Listing<V>, Refused>> + Send + 'a>>;

/// A list that is sent as a file.
#[derive(Debug)]
pub struct File {
    /// The issuer whose list it is.
    pub app: Arc<App>,
    /// The administrator who reads it.
    pub actor: Actor,
    /// The name of the file without its end. It must need no quoting.
    pub name: String,
    /// The form of its lines.
    pub lines: Lines,
    /// The largest number of items.
    pub most: u64,
}

/// The part of a file that was not read yet.
struct Rest<L> {
    file: File,
    list: L,
    after: Option<String>,
    is_first: bool,
    is_read: bool,
    left: u64,
}

impl<L> Rest<L> {
    /// Returns the text of the next page; `None` at the end of the file.
    async fn next<V: Serialize>(&mut self) -> Result<Option<String>, Refused>
    where
        L: for<'a> Fn(Reading<'a>, Window) -> Page<'a, V>,
    {
        if self.is_read {
            return Ok(None);
        }
        let is_first = std::mem::replace(&mut self.is_first, false);
        let mut text = match self.file.lines {
            Lines::Csv(columns) if is_first => csv::line(columns.iter().copied()),
            _ => String::new(),
        };
        let after = self.after.take();
        // Bound to a variable, so that the future below does not hold the closure, which threads must not share.
        let page = (self.list)(Reading::new(&self.file.app, &self.file.actor), Window { after, limit: AT_ONCE.min(self.left) });
        let page = page.await?;
        self.left = self.left.saturating_sub(page.items.len() as u64);
        for item in &page.items {
            let row = serde_json::to_value(item).unwrap_or_default();
            match self.file.lines {
                Lines::Csv(columns) => text += &csv::row(columns, &row),
                Lines::Json => text += &format!("{row}\n"),
            }
        }
        self.is_read = page.next.is_none() || self.left == 0;
        self.after = page.next;
        Ok(Some(text))
    }
}

impl File {
    /// Sends the pages of `list`. Fails if the first page cannot be read. If a later page cannot be read, the connection breaks off, so that
    /// nobody takes the file for complete.
    async fn send<V: Serialize + 'static>(
        self,
        list: impl for<'a> Fn(Reading<'a>, Window) -> Page<'a, V> + Send + 'static,
    ) -> Result<Response, Refused> {
        let name = format!("attachment; filename=\"{}.{}\"", self.name, self.lines.end_of_name());
        let headers = [
            (header::CONTENT_TYPE, self.lines.media_type()),
            (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"))),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut rest = Rest { left: self.most, after: None, is_first: true, is_read: false, file: self, list };
        let first = rest.next().await?.unwrap_or_default();
        let others = stream::try_unfold(rest, |mut rest| async move { Ok::<_, Refused>(rest.next().await?.map(|text| (text, rest))) });
        Ok((headers, Body::from_stream(stream::iter([Ok(first)]).chain(others))).into_response())
    }
}

/// Sends who may sign in to the client `id`, and through which of its groups.
pub async fn access_review(app: Arc<App>, actor: Actor, id: String) -> Result<Response, Refused> {
    let file = File { app, actor, name: format!("access-{id}"), lines: Lines::Csv(&ReviewView::COLUMNS), most: u64::MAX };
    file.send(move |reading, window| {
        let id = id.clone();
        Box::pin(async move { review::list(&reading, &id, &window).await })
    })
    .await
}

/// Sends the first `most` events of the audit trail that `filter` selects.
pub async fn audit_trail(app: Arc<App>, actor: Actor, filter: AuditFilter, lines: Lines, most: u64) -> Result<Response, Refused> {
    let file = File { app, actor, name: "audit".to_owned(), lines, most };
    file.send(move |reading, window| {
        let filter = filter.clone();
        Box::pin(async move { audit::list(&reading, &filter, &window).await })
    })
    .await
}
