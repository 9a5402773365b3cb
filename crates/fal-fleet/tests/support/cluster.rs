//! A throw-away PostgreSQL for tests.
//!
//! `FAL_TEST_DATABASE_URL` names a server to use instead, whose user may create databases. Without it, `initdb` and `postgres`
//! are looked for in `PATH` and in `/usr/lib/postgresql/*/bin`. Without them, tests are skipped, unless
//! `FAL_REQUIRE_DATABASE` is set.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio_postgres::NoTls;

/// A server that ends with this process, also if that is killed.
pub(crate) struct Cluster {
    programs: PathBuf,
    data: TempDir,
    settings: String,
    /// Ends the server when its input ends.
    _guard: Child,
}

/// Returns the folder with `initdb` and `postgres`, the newest version first.
fn programs() -> Option<PathBuf> {
    let is_complete =
        |folder: &PathBuf| ["initdb", "postgres", "pg_ctl"].iter().all(|name| folder.join(name).exists());
    let in_path: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort();
    in_path.into_iter().chain(versions.into_iter().rev().map(|(_, path)| path)).find(is_complete)
}

/// Adds the reason why tests are skipped to the file that `FAL_SKIPPED_TESTS` names, for `cargo xtask test`.
pub(crate) fn report_skip(reason: &str) {
    let Some(file) = env::var_os("FAL_SKIPPED_TESTS") else { return };
    // Tests run at the same time, and many have the same reason.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    let others = fs::read_to_string(&file).unwrap_or_default();
    if !others.lines().any(|line| line == reason) {
        fs::write(file, others + reason + "\n").expect("the file for the reason");
    }
}

const NO_DATABASE: &str = "tests of fal-fleet were skipped: install PostgreSQL 15 or later (`apt-get install postgresql`), or set \
                           FAL_TEST_DATABASE_URL to a server on which databases may be created";

/// Settings for tests. Without fsync, a killed server loses nothing, and only a crash of the machine would.
pub(crate) const QUICK: &str = "-c fsync=off -c full_page_writes=off -c shared_buffers=64MB";

/// The number of ports that are tried.
const PORTS: usize = 10;

impl Cluster {
    /// Starts a server that listens on a socket in a folder of its own. Returns `None` if PostgreSQL is not installed.
    pub(crate) fn start(settings: &str) -> Option<Self> {
        let cluster = Self::create(settings, &[])?;
        cluster.control(&["start"]).unwrap_or_else(|log| panic!("{log}"));
        Some(cluster)
    }

    /// Starts a server that also listens on a free port of this machine, and returns it with its port.
    ///
    /// It has copies of files that only it can read, whose paths replace `{0}`, `{1}` and so on in the settings.
    pub(crate) fn start_on_port(settings: &str, files: &[&Path]) -> Option<(Self, u16)> {
        let mut cluster = Self::create(settings, files)?;
        let settings = cluster.settings.clone();
        // Another program may take a free port before the server does.
        for _ in 0..PORTS {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let port = port.expect("a free port").port();
            cluster.settings = format!("{settings} -c listen_addresses=127.0.0.1 -c port={port}");
            // The reason of the attempt before would be taken for that of this one.
            let _ = fs::remove_file(cluster.data.path().join("log"));
            match cluster.control(&["start"]) {
                Ok(()) => return Some((cluster, port)),
                Err(log) => assert!(log.contains("Address already in use"), "{log}"),
            }
        }
        panic!("{PORTS} free ports were taken before the server started");
    }

    /// Makes the files of a server, which does not run yet.
    fn create(settings: &str, files: &[&Path]) -> Option<Self> {
        let Some(programs) = programs() else {
            report_skip(NO_DATABASE);
            return None;
        };
        let data = tempfile::Builder::new()
            .prefix("fal-fleet-")
            .tempdir_in("/tmp")
            .expect("a folder for the database");
        // PostgreSQL refuses to run as root.
        if let Some((user, group)) = other_user(data.path()) {
            chown(data.path(), Some(user), Some(group)).expect("a folder for another user");
        }
        let path = data.path().join("data");
        let made = as_owner(data.path(), &programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=fal", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&path)
            .stdout(Stdio::null())
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut settings = settings.to_owned();
        for (index, file) in files.iter().enumerate() {
            let copy = data.path().join(file.file_name().expect("a name"));
            fs::copy(file, &copy).expect("a copy of a file");
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("a file of its own");
            let owner = fs::metadata(data.path()).expect("the folder of the database");
            chown(&copy, Some(owner.uid()), Some(owner.gid())).expect("a file for another user");
            settings = settings.replace(&format!("{{{index}}}"), &copy.display().to_string());
        }
        let stop = "read line; kill -INT $(head -1 \"$1/data/postmaster.pid\"); sleep 1; rm -rf \"$1\"";
        let guard = Command::new("sh")
            .args(["-c", stop, "sh"])
            .arg(data.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        Some(Self { programs, data, settings, _guard: guard })
    }

    /// Returns the path of the socket on which the server listens.
    pub(crate) fn socket(&self) -> PathBuf {
        self.data.path().join(".s.PGSQL.5432")
    }

    /// Kills the server as a crash does, and starts it again.
    pub(crate) fn crash(&self) {
        self.control(&["restart", "-m", "immediate"]).unwrap_or_else(|log| panic!("{log}"));
    }

    /// Returns the connection string of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("host={} user=fal dbname={database}", self.data.path().display())
    }

    /// Runs `pg_ctl`, and returns the log of the server if that fails.
    fn control(&self, arguments: &[&str]) -> Result<(), String> {
        let folder = self.data.path();
        let settings = &self.settings;
        let options =
            format!("-k {} -c listen_addresses='' -c max_connections=1000 {settings}", folder.display());
        let status = as_owner(folder, &self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-w", "-t", "120", "-o", &options, "-l"])
            .arg(folder.join("log"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("pg_ctl runs");
        if status.success() {
            return Ok(());
        }
        Err(fs::read_to_string(folder.join("log")).unwrap_or_default())
    }
}

/// Returns the ids of a user that is not root, if `folder` belongs to root.
fn other_user(folder: &Path) -> Option<(u32, u32)> {
    if fs::metadata(folder).ok()?.uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).or(Some((65534, 65534)))
}

/// Returns a command that runs as the owner of a folder.
fn as_owner(folder: &Path, program: &Path) -> Command {
    let owner = fs::metadata(folder).expect("the folder of the database");
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() != owner.uid()) {
        let mut command = Command::new("setpriv");
        command.args([
            format!("--reuid={}", owner.uid()),
            format!("--regid={}", owner.gid()),
            "--clear-groups".to_owned(),
        ]);
        command.arg(program).current_dir("/");
        return command;
    }
    let mut command = Command::new(program);
    command.current_dir("/");
    command
}

/// Returns the connection string of an empty database, or `None` if tests are to be skipped.
pub(crate) async fn new_database() -> Option<String> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    let given = env::var("FAL_TEST_DATABASE_URL").ok();
    let server = match &given {
        Some(url) => url.clone(),
        None => {
            let started =
                tokio::task::spawn_blocking(|| CLUSTER.get_or_init(|| Cluster::start(QUICK)).as_ref());
            match started.await.expect("the server starts") {
                Some(cluster) => cluster.url("postgres"),
                None => {
                    assert!(
                        env::var_os("FAL_REQUIRE_DATABASE").is_none(),
                        "PostgreSQL is required, and not installed"
                    );
                    eprintln!("skipped: install PostgreSQL 15 or later (`apt-get install postgresql`)");
                    return None;
                }
            }
        }
    };
    let name = format!("fal_test_{}", uuid::Uuid::new_v4().simple());
    execute(&server, &format!("create database {name}")).await;
    let mut config: tokio_postgres::Config = server.parse().expect("a connection string");
    config.dbname(&name);
    match given {
        // Of a URL, the name of the database is the path.
        Some(url) if url.contains("://") => {
            let (head, query) = url.split_once('?').map_or((&*url, ""), |(head, query)| (head, query));
            let base = head.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            Some(format!("{base}/{name}?{query}"))
        }
        _ => Some(format!("{server} dbname={name}")),
    }
}

/// Runs statements on a connection of their own.
pub(crate) async fn execute(url: &str, statements: &str) {
    connect(url).await.batch_execute(statements).await.expect("the statements are right");
}

/// Connects to a database, for up to five minutes: a machine under load takes its time to start one again.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let start = Instant::now();
    loop {
        match tokio_postgres::connect(url, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            Err(error) if start.elapsed() > Duration::from_secs(5 * 60) => {
                panic!("no connection to {url}: {error}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
