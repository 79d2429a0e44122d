//! Measures every list, search, filter and page with many users against the same with few, in turn and in one run, and how long `signet user
//! list` takes and how much memory it needs.
//!
//! `cargo bench -p signet-issuer --bench load -- large` runs it. `USERS`, `CLIENTS` and `EVENTS` set the size.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::loads::{Loads, sign_in};
use crate::seed::{self, Size};
use crate::server::{Connection, Server};
use crate::{PASSWORD, THIS};

/// The number of samples of each request, unless [`LONGEST`] is over before.
const SAMPLES: usize = 60;
/// The longest time for the samples of one request.
const LONGEST: Duration = Duration::from_secs(6);
/// The greatest median of a list, search or page, in milliseconds.
const AIM: f64 = 50.0;
/// The greatest ratio of the medians.
const RATIO: f64 = 1.2;
/// The user whom the requests are about, and their number in the seed.
const NUMBER: u64 = 420;

/// The end of the name of the second page of a list.
const NEXT: &str = ", next page";

/// A server with its database, and an administrator who is signed in.
struct Side {
    server: Server,
    token: String,
    cookie: String,
    size: Size,
}

/// A request: what it measures, and its text.
struct Measured {
    what: String,
    request: String,
}

impl Side {
    fn start(database_url: &str, size: Size) -> Self {
        let mut server = Server::start(Path::new(THIS), database_url);
        // While the server reads, SQLite cannot begin its write-ahead log anew.
        server.stop();
        let start = Instant::now();
        seed::fill(database_url, size);
        println!("  {size:?} written in {:.0} s", start.elapsed().as_secs_f64());
        server.resume();
        Self { server, token: String::new(), cookie: String::new(), size }
    }

    /// Signs the administrator in, since a token lives ten minutes.
    fn renew(&mut self) {
        let password = PASSWORD.replace(' ', "+");
        let form = format!("client_id=cli&grant_type=password&username=boss&password={password}&scope=admin");
        let answer = Connection::open(self.server.port).send(&post("/token", "", &form));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        self.token = body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_string();
        self.cookie = crate::loads::cookie(&self.server, "boss");
    }

    fn api(&self, path: &str) -> Measured {
        let path = format!("/api/v1{path}");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", self.token);
        Measured { what: path, request }
    }

    fn page(&self, path: &str) -> Measured {
        Measured { what: path.to_owned(), request: format!("GET {path} HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", self.cookie) }
    }

    /// Returns the `next` page of a list, if it has one.
    fn next(&self, path: &str) -> Option<Measured> {
        let answer = Connection::open(self.server.port).send(&self.api(path).request);
        let next = answer.header("link")?.strip_prefix('<')?.split_once(">; rel=\"next\"")?.0.split_once("/api/v1")?.1;
        let request = self.api(next).request;
        Some(Measured { what: format!("{}{NEXT}", self.api(path).what), request })
    }
}

fn post(path: &str, head: &str, form: &str) -> String {
    let kind = "content-type: application/x-www-form-urlencoded";
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{head}{kind}\r\ncontent-length: {}\r\n\r\n{form}", form.len())
}

/// Returns the lists, searches and filters of the REST API, and everything that can be shown.
fn of_the_api(side: &Side) -> Vec<Measured> {
    let user = seed::user_id(NUMBER);
    let words = ["person420", "family42", "given7 family", "example person", "nobody", "given"];
    let mut paths: Vec<String> = [
        "/users",
        "/users?enabled=true",
        "/users?enabled=false",
        "/groups",
        "/roles",
        "/attributes",
        "/clients",
        "/clients?enabled=true",
        "/clients?enabled=false",
        "/clients?registered=true",
        "/clients?registered=false",
        "/resources",
        "/sessions",
        "/authorizations",
        "/authorizations?client=app42",
        "/audit",
        "/audit?event=user_changed",
        "/audit?event=signed_in",
        "/audit?event=role_added",
        "/audit?client=app42",
        "/audit?actor=stranger",
        "/audit?actor=user:person420",
        "/audit?actor=operator",
        "/audit?user=person420",
        "/audit?address=10.1.2.0",
        "/audit?request_id=nothing",
        "/groups/everyone",
        "/groups/everyone/members",
        "/groups/team20/members",
        "/roles/clerk",
        "/attributes/department",
        "/clients/app42",
        "/clients/app42/secrets",
        "/clients/app42/claims",
        "/keys",
        "/presets",
        "/audit?from=2020-01-01T00:00:00Z&until=2020-02-01T00:00:00Z&event=signed_in",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend(words.map(|words| format!("/users?q={}", words.replace(' ', "+"))));
    paths.extend(["true", "false"].map(|enabled| format!("/users?q=family&enabled={enabled}")));
    paths.extend(["application", "app42", "team"].map(|words| format!("/clients?q={words}")));
    paths.extend(["team", "number", "every"].map(|words| format!("/groups?q={words}")));
    paths.extend(["", "/sessions", "/authorizations", "/consents", "/audit"].map(|what| format!("/users/{user}{what}")));
    paths.push(format!("/authorizations?user={user}"));
    paths.push("/users?limit=200".to_owned());
    let mut all: Vec<Measured> = Vec::new();
    for path in paths {
        let next = side.next(&path);
        all.push(side.api(&path));
        all.extend(next);
    }
    all
}

/// Returns the pages of the administration and of people.
fn of_the_pages(side: &Side) -> Vec<Measured> {
    [
        "/admin",
        "/admin/users",
        "/admin/users?q=family42",
        "/admin/users?q=given",
        "/admin/users?after=person5",
        "/admin/users/new",
        "/admin/users/person420",
        "/admin/users/person420/edit",
        "/admin/users/person420/roles",
        "/admin/groups",
        "/admin/groups?q=team",
        "/admin/groups/new",
        "/admin/groups/everyone",
        "/admin/groups/team20",
        "/admin/groups/team20/edit",
        "/admin/groups/team20/members",
        "/admin/roles",
        "/admin/roles/clerk",
        "/admin/roles/clerk/edit",
        "/admin/attributes",
        "/admin/attributes/department",
        "/admin/clients",
        "/admin/clients?q=application",
        "/admin/clients/app42",
        "/admin/clients/app42/edit",
        "/admin/clients/app42/secret",
        "/admin/clients/app42/try",
        "/admin/clients/app42/try?user=person420&scope=openid+profile+email",
        "/admin/clients/new",
        "/admin/resources",
        "/admin/keys",
        "/admin/sessions",
        "/admin/search?q=family42",
        "/admin/search?q=app",
        "/admin/search?q=team",
        "/admin/audit",
        "/admin/audit?by=event&value=signed_in",
        "/admin/audit?by=user&value=person420",
        "/admin/audit?by=client&value=app42",
        "/admin/audit?by=address&value=10.1.2.0",
        "/admin/audit?by=actor&value=stranger",
        "/admin/audit?from=2020-01-01&until=2020-02-01",
        "/account",
        "/account/password",
        "/account/devices",
        "/account/consents",
        "/sign-in",
        "/.well-known/openid-configuration",
    ]
    .map(|path| side.page(path))
    .into()
}

/// The times of one request on both sides, in order and in milliseconds, and the length of its answer on each.
struct Times {
    sorted: [Vec<f64>; 2],
    lengths: [usize; 2],
}

impl Times {
    fn measure(sides: [&Side; 2], requests: [&str; 2], what: &str) -> Self {
        let mut connections = sides.map(|side| Connection::open(side.server.port));
        let (mut times, start) = (Self { sorted: [Vec::new(), Vec::new()], lengths: [0, 0] }, Instant::now());
        for sample in 0..SAMPLES {
            // Each side is first in every other round.
            for turn in 0..2 {
                let which = (sample + turn) % 2;
                let sent = Instant::now();
                let answer = connections[which].send(requests[which]);
                times.sorted[which].push(sent.elapsed().as_secs_f64() * 1000.0);
                times.lengths[which] = answer.body.len();
                assert!(answer.status.to_string().starts_with(['2', '3']), "{what}: {} {}", answer.status, answer.body);
            }
            if start.elapsed() > LONGEST {
                break;
            }
        }
        times.sorted.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        times
    }

    /// Returns whether the answers have about the same length, so that their times can be compared.
    fn are_alike(&self) -> bool {
        self.lengths[0].abs_diff(self.lengths[1]) <= self.lengths[0].max(self.lengths[1]) / 8
    }
}

fn quantile(times: &[f64], hundredths: usize) -> f64 {
    times[(times.len() * hundredths / 100).min(times.len() - 1)]
}

/// Prints the medians, the 99th percentile of the large side and the ratio, with a mark where an aim is missed. Returns the median of the
/// large side, and whether an aim is missed.
fn print(what: &str, times: &Times, aim: f64) -> (f64, bool) {
    let [few, many] = times.sorted.each_ref().map(|times| quantile(times, 50));
    let is_missed = many > aim || (times.are_alike() && many / few > RATIO);
    let mark = match (is_missed, times.are_alike()) {
        (true, _) => "  <--",
        (false, false) => "  (the small one has fewer rows)",
        (false, true) => "",
    };
    println!("  {what:68} {few:7.2} -> {many:7.2} ms, p99 {:7.2}   ratio {:5.2}{mark}", quantile(&times.sorted[1], 99), many / few);
    (many, is_missed)
}

/// Measures what `of` returns for each side.
fn compare(sides: [&Side; 2], of: fn(&Side) -> Vec<Measured>) {
    let [small, large] = sides.map(of);
    let (mut greatest, mut missed) = (0.0, 0);
    for many in &large {
        // The small side has no second page of some lists; then its first page is compared.
        let first = many.what.trim_end_matches(NEXT);
        let few = small.iter().find(|few| few.what == many.what).or_else(|| small.iter().find(|few| few.what == first)).unwrap();
        let times = Times::measure(sides, [&few.request, &many.request], &many.what);
        let (median, is_missed) = print(&many.what, &times, AIM);
        greatest = f64::max(greatest, median);
        missed += usize::from(is_missed);
    }
    println!("  {} requests: the greatest median is {greatest:.2} ms; {missed} miss an aim", large.len());
}

/// Measures sign-ins and refreshes of people among all.
fn tokens(sides: [&Side; 2]) {
    let requests = sides.map(|side| sign_in(&side.server, &format!("person{NUMBER}")));
    let what = "sign-in by the password grant";
    print(what, &Times::measure(sides, requests.each_ref().map(String::as_str), what), f64::MAX);
    let loads = sides.map(|side| Loads::prepare(&side.server));
    for (what, load) in [("refresh", Loads::refresh_once as fn(&Loads, &Server)), ("authorization_code with its request", Loads::code_once)]
    {
        let mut times = Times { sorted: [Vec::new(), Vec::new()], lengths: [0, 0] };
        for sample in 0..2 * SAMPLES {
            for turn in 0..2 {
                let which = (sample + turn) % 2;
                let start = Instant::now();
                load(&loads[which], &sides[which].server);
                times.sorted[which].push(start.elapsed().as_secs_f64() * 1000.0);
            }
        }
        times.sorted.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        print(what, &times, f64::MAX);
    }
}

/// Runs a command that prints a list, and prints its time and its greatest memory.
fn command_line(side: &Side, arguments: &[&str]) {
    let start = Instant::now();
    let mut child = side.server.command_line(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut lines = 0_usize;
        BufReader::new(output).split(b'\n').for_each(|line| lines += usize::from(line.is_ok()));
        lines
    });
    let mut memory: f64 = 0.0;
    while child.try_wait().unwrap().is_none() {
        memory = memory.max(crate::server::memory_mib(child.id(), "VmHWM").unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(5));
    }
    let lines = reader.join().unwrap();
    let what = format!("signet {}", arguments.join(" "));
    println!("  {what:40} {lines:9} lines in {:6.1} s, {memory:6.1} MiB", start.elapsed().as_secs_f64());
}

/// Measures on two databases of one kind: a small one, and one of `size`.
pub fn measure(name: &str, [small, large]: [&str; 2], size: Size) {
    println!("{name}");
    let mut sides = [Side::start(small, Size::SMALL), Side::start(large, size)];
    println!("median with {} users -> with {} users", sides[0].size.users, sides[1].size.users);
    sides.iter_mut().for_each(Side::renew);
    compare(sides.each_ref(), of_the_api);
    sides.iter_mut().for_each(Side::renew);
    compare(sides.each_ref(), of_the_pages);
    tokens(sides.each_ref());
    for side in &sides {
        for list in [&["user", "list"][..], &["user", "list", "--json"], &["client", "list"], &["session", "list"]] {
            command_line(side, list);
        }
    }
    for side in &mut sides {
        side.server.stop();
    }
}
