mod audience;
mod hint;
mod issue;
mod named;
mod narrow;
mod open;
mod refresh;
mod user_claims;
