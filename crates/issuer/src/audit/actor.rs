//! Who causes an event, and how.

use std::net::IpAddr;

use uuid::Uuid;

/// The request that caused an event.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The id of the request, which its log line carries too.
    pub id: String,
    /// The address of the client, as far as the proxies on the way are trusted.
    pub address: IpAddr,
    /// The `User-Agent` header; empty if there is none.
    pub user_agent: String,
}

/// Who causes an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person with a shell on the machine of the issuer.
    Operator,
    /// The issuer itself: its first start, or one of its jobs.
    Issuer,
    /// A client that registers itself, or that manages its own registration.
    Registration,
    /// A user.
    User(Uuid),
    /// A client.
    Client(String),
}

/// The part of the issuer through which the cause of an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Face {
    CommandLine,
    Start,
    Job,
    Page,
    Token,
    Revocation,
    Registration,
}

impl Face {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CommandLine => "command_line",
            Self::Start => "start",
            Self::Job => "job",
            Self::Page => "page",
            Self::Token => "token",
            Self::Revocation => "revocation",
            Self::Registration => "registration",
        }
    }
}

/// Who causes an event, and how.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who it is.
    pub who: Who,
    /// Through which part of the issuer.
    pub face: Face,
    /// The HTTP request; `None` where there is none.
    pub request: Option<RequestInfo>,
}

impl Actor {
    /// An actor without an HTTP request.
    pub fn local(who: Who, face: Face) -> Self {
        Self { who, face, request: None }
    }

    /// An actor behind an HTTP request.
    pub fn remote(who: Who, face: Face, request: &RequestInfo) -> Self {
        Self { who, face, request: Some(request.clone()) }
    }

    /// A kind, and the id of the user or client.
    pub(super) fn kind_and_id(&self) -> (&'static str, Option<String>) {
        match &self.who {
            Who::Operator => ("operator", None),
            Who::Issuer => ("issuer", None),
            Who::Registration => ("registration", None),
            Who::User(id) => ("user", Some(id.to_string())),
            Who::Client(id) => ("client", Some(id.clone())),
        }
    }
}
