#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::{limits::Limit, schedule::Known, *};

fn package(name: &str, needs: &[&str]) -> Package {
    let needs = needs.iter().map(|&name| name.to_owned()).collect();
    Package { name: name.to_owned(), version: "0.2.0".to_owned(), needs }
}

fn known(versions: &[(&str, &str)]) -> Known {
    versions.iter().map(|(name, version)| ((*name).to_owned(), [(*version).to_owned()].into())).collect()
}

#[derive(Debug)]
struct Simulated(SystemTime);

impl Clock for Simulated {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn wait(&mut self, pause: Duration) {
        self.0 += pause;
    }
}

/// The limit of crates.io on uploads of one kind.
struct Bucket {
    left: usize,
    last: SystemTime,
    limit: Limit,
}

impl Bucket {
    fn new(limit: Limit) -> Self {
        Self { left: limit.figures().0, last: SystemTime::UNIX_EPOCH, limit }
    }

    fn take(&mut self, now: SystemTime) -> Outcome {
        let (burst, step) = self.limit.figures();
        while self.last + step <= now && self.left < burst {
            (self.left, self.last) = (self.left + 1, self.last + step);
        }
        if self.left == burst {
            self.last = now;
        }
        if self.left == 0 {
            return Outcome::Limited(Some(self.last + step));
        }
        self.left -= 1;
        Outcome::Uploaded
    }
}

#[test]
fn hundreds_of_crates_are_uploaded_once_each_in_the_time_that_is_announced() {
    let new: Vec<String> = (0..60).map(|number| format!("new-{number}")).collect();
    let old: Vec<String> = (0..200).map(|number| format!("old-{number}")).collect();
    let all = new.iter().chain(&old).map(|name| package(name, &["core"]));
    let packages: Vec<Package> = all.chain([package("core", &[])]).collect();
    let known: Known = old.iter().map(|name| (name.clone(), ["0.1.0".to_owned()].into())).collect();
    let mut schedule = Schedule::new(packages, &known).unwrap();
    let announced = schedule.time();
    // 61 new crates, of which five are free.
    assert_eq!(announced, Duration::from_secs(56 * 600));
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let mut clock = Simulated(start);
    let mut buckets = [Limit::NewCrate, Limit::NewVersion].map(Bucket::new);
    let mut uploaded = Vec::new();
    let (time, mut old_done) = (std::cell::Cell::new(start), None);
    // The registry has the same clock.
    struct Shared<'a>(&'a mut Simulated, &'a std::cell::Cell<SystemTime>);
    impl Clock for Shared<'_> {
        fn now(&self) -> SystemTime {
            self.0.now()
        }
        fn wait(&mut self, pause: Duration) {
            self.0.wait(pause);
            self.1.set(self.0.now());
        }
    }
    upload_all(&mut schedule, &mut Shared(&mut clock, &time), |package| {
        let bucket = &mut buckets[usize::from(known.contains_key(&package.name))];
        let outcome = bucket.take(time.get());
        if outcome == Outcome::Uploaded {
            uploaded.push(package.name.clone());
            if uploaded.iter().filter(|name| name.starts_with("old")).count() == old.len() {
                old_done.get_or_insert(time.get());
            }
        }
        Ok(outcome)
    })
    .unwrap();
    assert_eq!(uploaded[0], "core");
    assert_eq!(uploaded.len(), 261);
    let unique: std::collections::BTreeSet<&String> = uploaded.iter().collect();
    assert_eq!(unique.len(), 261);
    let taken = clock.0.duration_since(start).unwrap();
    assert!(taken >= announced && taken < announced + Duration::from_secs(120), "{taken:?}");
    // New versions do not wait for new crates.
    let old_taken = old_done.unwrap().duration_since(start).unwrap();
    assert!(old_taken < Duration::from_secs(171 * 61), "{old_taken:?}");
}

#[test]
fn versions_that_are_there_are_skipped_and_dependencies_come_first() {
    let packages = vec![
        package("client", &["core", "platform"]),
        package("core", &[]),
        package("flux", &["core"]),
        package("platform", &[]),
    ];
    let known = known(&[("core", "0.1.0"), ("flux", "0.2.0")]);
    let schedule = Schedule::new(packages, &known).unwrap();
    assert_eq!(
        schedule.describe(),
        "  core 0.2.0 (new version)\n  platform 0.2.0 (new crate)\n  client 0.2.0 (new crate)\n\
         1 crates are there already, 3 are left to upload\n"
    );
    let circle = vec![package("a", &["b"]), package("b", &["a"])];
    let error = Schedule::new(circle, &Known::new()).unwrap_err();
    assert_eq!(error, "these crates need one another, so none can be first: a, b");
}

#[test]
fn messages_of_cargo_are_told_apart() {
    let limited = "error: failed to publish to registry at https://crates.io\n\nCaused by:\n  the remote server responded \
                   with an error (status 429 Too Many Requests): You have published too many new crates in a short \
                   period of time. Please try again after Tue, 20 Feb 2024\n  12:00:00 GMT and see the rate limits.";
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_708_430_400);
    assert_eq!(schedule::read_outcome(false, limited), Ok(Outcome::Limited(Some(time))));
    let vague = "the remote server responded with an error (status 429 Too Many Requests): slow down";
    assert_eq!(schedule::read_outcome(false, vague), Ok(Outcome::Limited(None)));
    for there in [
        "error: crate fal-core@0.1.0 already exists on crates.io index",
        "the remote server responded with an error: crate version `0.1.0` is already uploaded",
    ] {
        assert_eq!(schedule::read_outcome(false, there), Ok(Outcome::AlreadyThere));
    }
    let may_pass = |text| schedule::read_outcome(false, text).unwrap_err().may_pass;
    assert!(may_pass("the remote server responded with an error (status 503 Service Unavailable)"));
    assert!(may_pass("error: no matching package named `fal-core` found"));
    assert!(!may_pass("error: no token found, please run `cargo login`"));
    assert!(!may_pass("the remote server responded with an error (status 403 Forbidden): not an owner"));
}

#[test]
fn limit_without_a_usable_time_waits_its_usual_pause() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    let mut limits = Limits::default();
    limits.note(Limit::NewCrate, &Outcome::Limited(None), now);
    assert_eq!(limits.pause(Limit::NewCrate, now), Some(Duration::from_secs(600)));
    assert_eq!(limits.pause(Limit::NewVersion, now), None);
    limits.note(Limit::NewVersion, &Outcome::Limited(Some(SystemTime::UNIX_EPOCH)), now);
    assert_eq!(limits.pause(Limit::NewVersion, now), Some(Duration::from_secs(1)));
}

#[test]
fn published_packages_need_those_that_stay_in_their_manifest() {
    let dependency =
        |name: &str, req: &str, kind: serde_json::Value| json!({ "name": name, "req": req, "kind": kind });
    let member = |name: &str, publish: serde_json::Value, dependencies: serde_json::Value| json!({ "name": name, "version": "0.2.0", "publish": publish, "dependencies": dependencies });
    let needs = json!([
        dependency("core", "^0.2.0", json!(null)),
        dependency("flux", "*", json!("dev")),
        dependency("helper", "^0.2.0", json!("dev")),
        dependency("serde", "^1", json!(null)),
    ]);
    let metadata = json!({ "packages": [
        member("client", json!(null), needs),
        member("core", json!(null), json!([])),
        member("flux", json!(null), json!([])),
        member("helper", json!(null), json!([])),
        member("tool", json!([]), json!([])),
    ] });
    let packages = published(&metadata);
    assert_eq!(packages.len(), 4);
    assert_eq!(packages[0], package("client", &["core", "helper"]));
}

#[test]
fn paths_in_an_index_follow_the_length_of_the_name() {
    let paths = ["a", "ab", "abc", "fal-core"].map(index::path);
    assert_eq!(paths, ["1/a", "2/ab", "3/a/abc", "fa/l-/fal-core"]);
}
