//! The life cycle of keys holds for any schedule of rotations, restarts, node refreshes, skewed clocks and emergencies. This is a
//! property test on the fake clock, with the very functions that the issuer runs by.
//!
//! Nodes read the ring at most N seconds ago. Caches hand out a JWKS that is up to M old, and verifiers keep it for M.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use signet_issuer::clock::{Clock, FakeClock, UnixSeconds};
use signet_issuer::config::{MAX_TOKEN_LIFETIME, VERIFIER_LEEWAY};
use signet_issuer::keys::ring::{Entry, Ring, State};

use crate::support::START;

const N: UnixSeconds = 10;
const M: UnixSeconds = 300;
const SKEW: UnixSeconds = 30;
const LEAD: UnixSeconds = 900;
const PERIOD: UnixSeconds = 3 * 3600;
const RETIRED: UnixSeconds = N + MAX_TOKEN_LIFETIME + VERIFIER_LEEWAY + SKEW;

#[derive(Debug, Clone)]
enum Step {
    /// Time passes; every node maintains the ring.
    Wait(UnixSeconds),
    /// An administrator rotates.
    Rotate,
    /// An administrator revokes the active key.
    RevokeActive,
    /// An administrator revokes the key that is published but does not sign yet.
    RevokeNext,
    /// A node starts anew, and so reads the ring now.
    Restart(usize),
    /// A node signs a token.
    Mint(usize),
    /// A verifier fetches the JWKS from a node.
    Fetch(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1..40_i64).prop_map(Step::Wait),
        4 => (40..4000_i64).prop_map(Step::Wait),
        2 => Just(Step::Rotate),
        1 => Just(Step::RevokeActive),
        1 => Just(Step::RevokeNext),
        2 => (0..3_usize).prop_map(Step::Restart),
        6 => (0..3_usize).prop_map(Step::Mint),
        4 => (0..3_usize).prop_map(Step::Fetch),
    ];
    prop::collection::vec(step, 1..60)
}

struct Node {
    /// The error of the node's clock in seconds, at most half the allowed skew in either direction.
    offset: UnixSeconds,
    ring: Ring,
    read_at: UnixSeconds,
}

struct Token {
    kid: String,
    dead_at: UnixSeconds,
}

struct World {
    clock: Arc<FakeClock>,
    stored: Vec<Entry>,
    nodes: Vec<Node>,
    tokens: Vec<Token>,
    /// The copies of the JWKS that verifiers hold: the time until which each is good, and its keys.
    copies: Vec<(UnixSeconds, Vec<String>)>,
    /// Every JWKS that the database has held: the time from which on it was there, and its keys.
    published: Vec<(UnixSeconds, Vec<String>)>,
    /// The time of the last revocation that activated a key before its time.
    emergency_at: Option<UnixSeconds>,
}

impl World {
    fn new(offsets: [UnixSeconds; 3]) -> Self {
        let clock = Arc::new(FakeClock::new(START));
        let first = Entry { kid: "1".to_owned(), sequence: 1, published_at: START, activates_at: START, revoked_at: None };
        let nodes = offsets.map(|offset| Node { offset, ring: Ring::default(), read_at: UnixSeconds::MIN / 2 });
        let mut world = Self {
            clock,
            stored: vec![first],
            nodes: nodes.into(),
            tokens: Vec::new(),
            copies: Vec::new(),
            published: Vec::new(),
            emergency_at: None,
        };
        world.note_jwks();
        world
    }

    fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    fn ring(&self) -> Ring {
        self.stored.iter().cloned().collect()
    }

    fn jwks(ring: &Ring, now: UnixSeconds) -> Vec<String> {
        let shown = |entry: &&Entry| matches!(ring.state(entry, now, RETIRED), State::Published | State::Active | State::Retired);
        ring.entries().iter().filter(shown).map(|entry| entry.kid.clone()).collect()
    }

    fn note_jwks(&mut self) {
        self.published.push((self.now(), Self::jwks(&self.ring(), self.now())));
    }

    fn publish(&mut self, now: UnixSeconds) {
        let ring = self.ring();
        let sequence = ring.next_sequence();
        self.stored.push(Entry {
            kid: sequence.to_string(),
            sequence,
            published_at: now,
            activates_at: ring.next_activation(now, LEAD),
            revoked_at: None,
        });
        self.note_jwks();
    }

    fn revoke(&mut self, kid: &str) {
        let now = self.now();
        let entry = self.stored.iter_mut().find(|entry| entry.kid == kid).unwrap();
        entry.revoked_at = Some(now);
        let ring = self.ring();
        if ring.in_time(now).is_none() {
            self.emergency_at = Some(now);
            match ring.next(now).map(|next| next.kid.clone()) {
                Some(next) => self.stored.iter_mut().find(|entry| entry.kid == next).unwrap().activates_at = now,
                None => self.publish(now),
            }
        }
        self.note_jwks();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Wait(seconds) => self.wait(*seconds),
            Step::Rotate => self.publish(self.now()),
            Step::RevokeActive => {
                if let Some(kid) = self.ring().in_time(self.now()).map(|active| active.kid.clone()) {
                    self.revoke(&kid);
                }
            }
            Step::RevokeNext => {
                if let Some(kid) = self.ring().next(self.now()).map(|next| next.kid.clone()) {
                    self.revoke(&kid);
                }
            }
            Step::Restart(node) => self.read(*node),
            Step::Mint(node) => self.mint(*node),
            Step::Fetch(node) => self.fetch(*node),
        }
        self.check();
    }

    /// Lets time pass as the jobs see it: at most a minute between two rounds of maintenance, by each node's own clock.
    fn wait(&mut self, mut seconds: UnixSeconds) {
        while seconds > 0 {
            let part = seconds.min(60);
            self.clock.advance(Duration::from_secs(part.unsigned_abs()));
            seconds -= part;
            for node in 0..self.nodes.len() {
                let by_its_clock = self.now() + self.nodes[node].offset;
                if self.ring().rotation_due(by_its_clock, PERIOD, LEAD) {
                    self.publish(by_its_clock);
                }
            }
            self.note_jwks();
        }
    }

    fn read(&mut self, node: usize) {
        let (ring, now) = (self.ring(), self.now());
        self.nodes[node].ring = ring;
        self.nodes[node].read_at = now;
    }

    /// Reads the ring if the node's view is N old, because a node never answers by an older view.
    fn refresh(&mut self, node: usize) {
        if self.now() - self.nodes[node].read_at >= N {
            self.read(node);
        }
    }

    /// Stores the JWKS of a node as a verifier's copy. The header `Age` states the age of the node's view, so the copy is good for M
    /// from the time at which the node read the ring. The tests of endpoints/jwks hold that `Age` is right.
    fn fetch(&mut self, node: usize) {
        self.refresh(node);
        let Node { offset, ring, read_at } = &self.nodes[node];
        self.copies.push((read_at + M, Self::jwks(ring, self.now() + offset)));
    }

    fn mint(&mut self, node: usize) {
        self.refresh(node);
        let (now, by_its_clock) = (self.now(), self.now() + self.nodes[node].offset);
        let Some(kid) = self.nodes[node].ring.active(by_its_clock).map(|entry| entry.kid.clone()) else {
            panic!("no key signs");
        };
        // The private part must still be there, by any node's clock.
        let ring = self.ring();
        let erased = ring.erasable(now + SKEW / 2, N + SKEW + 1).any(|entry| entry.kid == kid);
        let revoked = ring.entries().iter().any(|entry| entry.kid == kid && entry.revoked_at.is_some());
        assert!(!erased || revoked, "{kid} was erased while it signs");

        // The oldest JWKS that a verifier may hold came from a node's view N old, through a cache for M, and is kept for M.
        let oldest = now - (N + 2 * M);
        let after_emergency = self.emergency_at.is_some_and(|at| at + N + 2 * M + SKEW >= now);
        let in_oldest = self.published.iter().rev().find(|(at, _)| *at <= oldest);
        if let Some((_, keys)) = in_oldest.filter(|_| !after_emergency) {
            assert!(keys.contains(&kid), "{kid} signs, but a JWKS that a verifier may hold lacks it");
        }
        self.tokens.push(Token { kid, dead_at: by_its_clock + MAX_TOKEN_LIFETIME + VERIFIER_LEEWAY });
    }

    /// Asserts that every live token has its key in the JWKS, unless the key is revoked. No copy that holds a revoked key is good
    /// for longer than M after the revocation.
    fn check(&self) {
        let now = self.now();
        let ring = self.ring();
        for revoked in ring.entries() {
            let Some(at) = revoked.revoked_at else { continue };
            let holds = |keys: &[String]| keys.contains(&revoked.kid);
            let last = self.copies.iter().filter(|(_, keys)| holds(keys)).map(|(good_until, _)| *good_until).max();
            assert!(last.is_none_or(|last| last <= at + M), "a copy of the JWKS verifies by {} past M", revoked.kid);
        }
        for token in &self.tokens {
            let entry = ring.entries().iter().find(|entry| entry.kid == token.kid).unwrap();
            if entry.revoked_at.is_none() && token.dead_at > now {
                for node in &self.nodes {
                    let keys = Self::jwks(&ring, now + node.offset);
                    assert!(keys.contains(&token.kid), "a token of {} is alive, but its key left the JWKS", token.kid);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn tokens_verify_while_they_live_unless_their_key_is_revoked(steps in steps(), offsets in prop::array::uniform3(-SKEW / 2..=SKEW / 2)) {
        let mut world = World::new(offsets);
        for step in &steps {
            world.step(step);
        }
    }
}

#[test]
fn a_key_that_was_followed_never_signs_again() {
    let entry =
        |sequence: i32, activates_at, revoked_at| Entry { kid: sequence.to_string(), sequence, published_at: 0, activates_at, revoked_at };
    let ring: Ring = [entry(1, 0, None), entry(2, 100, Some(150))].into_iter().collect();
    assert!(ring.active(200).is_none());
    let ring: Ring = [entry(1, 0, None), entry(2, 100, Some(150)), entry(3, 1000, None)].into_iter().collect();
    assert_eq!(ring.active(200).unwrap().kid, "3");
    // A key that was revoked before it ever signed has superseded no other key.
    let ring: Ring = [entry(1, 0, None), entry(2, 100, Some(50))].into_iter().collect();
    assert_eq!(ring.active(200).unwrap().kid, "1");
    assert_eq!(ring.state(&ring.entries()[0], 200, RETIRED), State::Active);
}
