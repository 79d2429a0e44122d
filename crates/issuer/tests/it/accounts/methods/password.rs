//! Hashes of other systems are taken unless they cost too much, and weak ones are renewed. A password is compared exactly as it was
//! sent.

use signet_issuer::accounts::methods::password::StoredHash;

#[test]
fn hashes_that_would_stall_the_others_are_refused() {
    let salt_and_hash = "MTIzNDU2Nzg5MDEyMzQ1Ng$EOlXj3z9o9PCLeT0RSBGRqkq2splsxLZayq6V/951cc";
    let parse = |head: &str| StoredHash::parse(&format!("{head}${salt_and_hash}")).is_ok();
    assert!(parse("$argon2id$v=19$m=65536,t=3,p=4"));
    assert!(parse("$argon2id$v=19$m=131072,t=1,p=1"));
    for refused in [
        "$argon2id$v=19$m=131073,t=1,p=1",
        "$argon2id$v=19$m=65536,t=1000,p=1",
        "$argon2i$v=19$m=65536,t=3,p=4",
        "$argon2d$v=19$m=65536,t=3,p=4",
        "$argon2id$v=16$m=65536,t=3,p=4",
        "$argon2id$m=65536,t=3,p=4",
        "$scrypt$ln=16,r=8,p=1",
        "$argon2id$v=19$m=1,t=0,p=0",
        "",
        "plain",
    ] {
        assert!(!parse(refused), "{refused}");
    }
    assert!(StoredHash::parse("$argon2id$v=19$m=65536,t=3,p=4$MTIzNDU2Nzg5MDEyMzQ1Ng").is_err());
}
