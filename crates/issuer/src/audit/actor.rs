//! The actor of an event: the user, client or other party that causes it, and the request that it used.

use std::net::IpAddr;

use uuid::Uuid;

use crate::clock::UnixSeconds;
use crate::oauth::scope::{ADMIN_SCOPES, ScopeSet};

/// The HTTP request that caused an event.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// The id of the request, which the log lines of the request carry too.
    pub id: String,
    /// The address of the client. `X-Forwarded-For` counts only if it comes from trusted proxies.
    pub address: IpAddr,
    /// The `User-Agent` header; empty if there is none.
    pub user_agent: String,
}

/// Returns the network by which requests from `address` are counted. IPv6 addresses are counted by their /64 network, because one machine
/// can use all addresses of it.
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// The user, client or other party that causes an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// An operator with a shell on the issuer's machine.
    Operator,
    /// The issuer itself: its first start, or one of its jobs.
    Issuer,
    /// A client that registers itself or manages its own registration.
    Registration,
    /// A person who has not proved who they are.
    Stranger,
    /// A user, by their id.
    User(Uuid),
    /// A client, by its id.
    Client(String),
}

/// The part of the issuer through which the actor caused the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Face {
    CommandLine,
    Start,
    Job,
    Page,
    Token,
    Revocation,
    EndSession,
    Registration,
    Signals,
    Api,
}

impl Face {
    /// Returns the name in the audit trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommandLine => "command_line",
            Self::Start => "start",
            Self::Job => "job",
            Self::Page => "page",
            Self::Token => "token",
            Self::Revocation => "revocation",
            Self::EndSession => "end_session",
            Self::Registration => "registration",
            Self::Signals => "signals",
            Self::Api => "api",
        }
    }
}

/// The cause of an event, as the audit trail records it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Actor {
    pub who: Who,
    pub face: Face,
    /// `None` if no HTTP request caused the event.
    pub request: Option<RequestInfo>,
    /// The scopes of administration that the actor holds.
    pub scopes: ScopeSet,
    /// Unix seconds; `None` if the actor has not signed in as an administrator.
    pub authenticated_at: Option<UnixSeconds>,
}

impl Actor {
    /// Makes an actor without an HTTP request, such as a job or a command. It holds all scopes of administration.
    pub fn local(who: Who, face: Face) -> Self {
        let scopes = ADMIN_SCOPES.iter().map(|(name, _)| *name).collect();
        Self { who, face, request: None, scopes, authenticated_at: None }
    }

    /// Makes an actor that sent the HTTP request `request`. It holds no scopes of administration.
    pub fn remote(who: Who, face: Face, request: &RequestInfo) -> Self {
        Self { who, face, request: Some(request.clone()), scopes: ScopeSet::default(), authenticated_at: None }
    }

    /// Makes the actor an administrator who holds `scopes` and signed in at `authenticated_at`, in Unix seconds.
    #[must_use]
    pub fn with_scopes(self, scopes: ScopeSet, authenticated_at: Option<UnixSeconds>) -> Self {
        Self { scopes, authenticated_at, ..self }
    }

    /// The kind of the actor, and the id if it is a user or a client.
    pub(super) fn kind_and_id(&self) -> (&'static str, Option<String>) {
        match &self.who {
            Who::Operator => ("operator", None),
            Who::Issuer => ("issuer", None),
            Who::Registration => ("registration", None),
            Who::Stranger => ("stranger", None),
            Who::User(id) => ("user", Some(id.to_string())),
            Who::Client(id) => ("client", Some(id.clone())),
        }
    }
}
