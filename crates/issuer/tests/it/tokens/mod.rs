mod audience;
mod hint;
mod issue;
mod narrow;
mod refresh;
mod user_claims;
