//! The `fal-emulator` command.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fal-emulator"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_first_line_holds_the_urls_and_a_signal_ends_the_process_with_success() {
    for signal in ["TERM", "INT"] {
        let mut child = command().arg("--port").arg("0").spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let urls: Value = serde_json::from_str(&line).unwrap();
        let service = |name: &str| urls[name].as_str().unwrap().to_owned();
        assert_eq!(urls.as_object().unwrap().len(), 6);
        for name in ["run", "queue", "rest", "cdn", "platform"] {
            assert!(service(name).starts_with("http://127.0.0.1:"), "{line}");
            assert!(service(name).ends_with(&format!("/{name}")), "{line}");
        }
        assert!(service("ws").starts_with("ws://127.0.0.1:"), "{line}");

        let mut kill = Command::new("kill");
        kill.arg(format!("-{signal}")).arg(child.id().to_string());
        assert!(kill.status().unwrap().success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "nothing else goes to stdout");
        assert!(child.wait().unwrap().success(), "SIG{signal}");
    }
}

#[test]
fn options_configure_the_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, data) = (folder.path().join("ca.pem"), folder.path().join("data"));
    let requests = folder.path().join("requests.jsonl");
    let scenario = folder.path().join("scenario.toml");
    std::fs::write(&scenario, "[[endpoint]]\nid = \"acme/app\"").unwrap();
    let mut command = command();
    command.arg("--tls").arg("--ca-out").arg(&ca).arg("--data").arg(&data);
    command.arg("--requests-out").arg(&requests);
    let mut child = command.arg("--scenario").arg(&scenario).arg("--host").arg("0.0.0.0").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let urls: Value = serde_json::from_str(&line).unwrap();
    assert!(urls["run"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{line}");
    assert!(std::fs::read_to_string(&ca).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(std::fs::read_to_string(&requests).unwrap(), "");
    assert!(data.join("requests").is_dir() && data.join("files").is_dir());
}

#[test]
fn a_killed_emulator_leaves_no_uploads_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut child = command().env("TMPDIR", temporary.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let urls: Value = serde_json::from_str(&line).unwrap();
    let mut curl = Command::new("curl");
    curl.args(["-sf", "--noproxy", "*", "-H", "content-type: text/plain", "--data-binary", "@-"]);
    curl.args(["-H", "authorization: Key id:secret"])
        .arg(format!("{}/files/upload", urls["cdn"].as_str().unwrap()));
    let mut curl = curl.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    curl.stdin.take().unwrap().write_all(&vec![0; 5 << 20]).unwrap();
    assert!(curl.wait().unwrap().success());
    child.kill().unwrap();
    child.wait().unwrap();
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn containers_reach_the_emulator_by_names_and_a_bundle_of_certificates() {
    // As in compose.yaml: fal's names lead to the emulator, without a proxy.
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.pem");
    let mut command = command();
    command.args(["--host=0.0.0.0", "--tls", "--allow-host=fal", "--ca-bundle-out"]).arg(&bundle);
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let urls: Value = serde_json::from_str(&line).unwrap();
    let port = urls["run"].as_str().unwrap().split([':', '/']).nth(4).unwrap().to_owned();
    let curl = |url: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--noproxy", "*", "--cacert"]).arg(&bundle);
        curl.arg("--connect-to").arg(format!("::127.0.0.1:{port}")).arg(url);
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    wait_until("the bundle is written", || bundle.exists());
    assert!(curl("https://queue.fal.run/a/b/requests/1/status").contains("NOT_FOUND"));
    assert!(curl("http://fal:443/_emulator/requests").starts_with("[{"));
    assert!(curl("http://127.0.0.1:443/health").contains("ok"));
    assert!(std::fs::read_to_string(&bundle).unwrap().matches("BEGIN CERTIFICATE").count() > 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_failed_start_is_explained_on_stderr() {
    let output = command().arg("--schemas").arg("/no/such/folder").output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot read /no/such/folder"), "{text}");
}

/// Runs a script of the shell under the emulator. Returns its exit code, its stdout and the emulator's stderr.
fn run(options: &[&str], environment: &[(&str, &str)], script: &str) -> (Option<i32>, String, String) {
    let mut command = command();
    command.args(options).args(["--", "sh", "-c", script]).envs(environment.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Waits until a condition holds.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed().as_secs() < 120, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn is_running(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    state.is_ok_and(|state| !state.contains(") Z "))
}

/// Returns true if a process guards the files in this folder.
fn is_guarded(folder: &Path) -> bool {
    let (guard, folder) = (&b"guard"[..], folder.as_os_str().as_encoded_bytes());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut commands = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    commands.any(|command| {
        let arguments: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
        arguments.contains(&guard) && arguments.iter().any(|argument| argument.starts_with(folder))
    })
}

fn send_signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().unwrap().success());
}

#[test]
fn a_child_command_gets_the_proxy_and_its_exit_code_is_returned() {
    let script = r#"
        test "$FAL_KEY" = emulator:key && test "$HTTPS_PROXY" = "$https_proxy" || exit 4
        grep -q 'BEGIN CERTIFICATE' "$SSL_CERT_FILE" || exit 5
        test "$FAL_EMULATOR_URL" = "$HTTPS_PROXY" || exit 6
        echo "$HTTPS_PROXY"
        exit 3
    "#;
    let (code, stdout, stderr) = run(&[], &[], script);
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stdout.starts_with("http://127.0.0.1:"), "only the command writes on stdout: {stdout}");
    assert_eq!(stdout.lines().count(), 1);
}

#[test]
fn the_key_of_the_user_never_reaches_the_command() {
    let names =
        ["FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_API_KEY", "FAL_AI_API_KEY", "MY_FAL_KEY", "OTHER"];
    let environment = names.map(|name| (name, "1111-2222-3333-4444:real"));
    let (code, stdout, _) = run(&[], &environment, "env");
    assert_eq!(code, Some(0));
    assert!(!stdout.contains("1111"), "{stdout}");
    let (_, stdout, _) =
        run(&["--require-key", "a:b"], &environment, "echo $FAL_KEY $FAL_API_KEY $FAL_KEY_SECRET");
    assert_eq!(stdout, "a:b a:b b\n");
}

#[test]
fn the_number_of_requests_is_told_at_the_end_and_none_is_a_warning() {
    let (_, _, stderr) = run(&[], &[], "true");
    assert!(stderr.contains("warning: no request came"), "{stderr}");
    let script = r#"curl -s "$FAL_EMULATOR_URL/run/no/thing" && curl -s "$FAL_EMULATOR_URL/""#;
    let (code, _, stderr) = run(&["-v"], &[], script);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("fal-emulator: 1 request came"), "{stderr}");
    assert!(stderr.contains("GET /run/no/thing 4"), "{stderr}");
}

#[test]
fn unknown_models_and_the_cost_of_the_run_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let prices = folder.path().join("prices.toml");
    std::fs::write(&prices, "[\"fal-ai/flux/dev\"]\nunit_price = 0.25\nunit = \"images\"").unwrap();
    let input = r#"-H 'content-type: application/json' -d '{"prompt": "a cat", "num_images": 3}'"#;
    let call = |id: &str| format!("curl -s $FAL_EMULATOR_URL/run/{id} {input} >/dev/null");
    let script =
        format!("{}; {}; {}", call("fal-ai/flux/dev"), call("fal-ai/flux/deev"), call("fal-ai/flux/deev"));
    let (code, _, stderr) = run(&["--prices", prices.to_str().unwrap()], &[], &script);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(stderr.matches("the model fal-ai/flux/deev is unknown").count(), 1, "{stderr}");
    assert!(
        stderr.contains("--schema model.json") && stderr.contains("Similar: fal-ai/flux/dev"),
        "{stderr}"
    );
    assert!(stderr.contains("this run would have cost $0.75 for 1 call of 1 endpoint\n"), "{stderr}");
    let mixed = format!("{}; {}", call("fal-ai/flux/dev"), call("fal-ai/flux/schnell"));
    let (_, _, stderr) = run(&["--prices", prices.to_str().unwrap()], &[], &mixed);
    let line = "this run would have cost $0.78 for 2 calls of 2 endpoints, $0.0300 of it at invented prices; --prices FILE sets real ones\n";
    assert!(stderr.contains(line), "{stderr}");
    let (_, _, stderr) = run(&["--unknown-models", "accept"], &[], &call("acme/new-model"));
    assert!(!stderr.contains("unknown") && stderr.contains("at invented prices; --prices FILE"), "{stderr}");
}

#[test]
fn requests_are_written_as_an_http_archive_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let har = folder.path().join("calls.har");
    let script = r#"curl -s https://fal.run/no/thing -X POST -d '{}' -H "authorization: Key $FAL_KEY""#;
    let (code, stdout, stderr) = run(&["--har-out", har.to_str().unwrap()], &[], script);
    assert_eq!(code, Some(0), "{stderr}");
    let text = std::fs::read_to_string(&har).unwrap();
    assert!(!text.contains("emulator:key"), "{text}");
    let entry = serde_json::from_str::<Value>(&text).unwrap()["log"]["entries"][0].clone();
    assert_eq!(
        (&entry["request"]["url"], &entry["response"]["status"]),
        (&"https://fal.run/no/thing".into(), &404.into())
    );
    assert_eq!(entry["response"]["content"]["text"], stdout);
    let (code, stdout, stderr) = run(&["--har-out", "/no/such/folder/x.har"], &[], "echo ran");
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "the command does not run");
    assert!(stderr.contains("cannot write /no/such/folder/x.har"), "{stderr}");
}

#[test]
fn a_command_is_recorded_only_if_asked_for_and_replayed_without_the_service() {
    // The real service is another emulator.
    let mut real = command().args(["--require-key", "real-id:real-secret"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(real.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let urls: Value = serde_json::from_str(&line).unwrap();
    let url = urls["run"].as_str().unwrap().trim_end_matches("/run").to_owned();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("recording").to_str().unwrap().to_owned();
    let script = r#"curl -s https://fal.run/fal-ai/flux/dev -H "authorization: Key $FAL_KEY" -H "content-type: application/json" -d '{"prompt": "a cat"}'; echo " $FAL_KEY" >&2"#;
    let key = [("FAL_KEY", "real-id:real-secret")];
    let (code, recorded, stderr) = run(&["--record", &folder, "--upstream", &url], &key, script);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(recorded.contains("\"images\""), "{recorded}{stderr}");
    assert!(stderr.contains(&format!("recording {url} in {folder}")), "{stderr}");
    assert!(stderr.contains("recorded 1 exchange in"), "{stderr}");
    assert!(stderr.contains(" recording:") && !stderr.contains("real-secret"), "{stderr}");
    real.kill().unwrap();
    real.wait().unwrap();

    let (code, replayed, stderr) = run(&["--replay", &folder], &[], script);
    assert_eq!((code, replayed), (Some(0), recorded), "{stderr}");
    assert!(stderr.contains("replaying 1 exchange of"), "{stderr}");
    let other = script.replace("a cat", "a dog");
    let (_, refused, stderr) = run(&["--replay", &folder], &[], &other);
    assert!(refused.contains("was recorded with another input: prompt differs"), "{refused}");
    assert!(stderr.contains("not in the recording:\n  POST https://fal.run/fal-ai/flux/dev"), "{stderr}");
    let (_, synthesized, _) = run(&["--replay", &folder, "--unrecorded", "synthesize"], &[], &other);
    assert!(synthesized.contains("\"images\""), "{synthesized}");

    let (code, stdout, stderr) =
        run(&["--record", &folder], &[("FAL_KEY", " "), ("FAL_KEY_ID", "")], "echo ran");
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("set FAL_KEY"), "{stderr}");
    // With the real service, stderr names the cost before anything is called.
    let (_, _, stderr) = run(&["--record", &folder], &key, "true");
    assert!(stderr.contains("calls go to fal itself with the key in FAL_KEY, and COST MONEY"), "{stderr}");
    assert!(stderr.contains("not called again: 1 exchange"), "{stderr}");
}

#[test]
fn the_real_service_is_reached_by_tls_under_its_own_name() {
    // The outer emulator plays fal for the inner one, which knows nothing of it: by proxy and certificates.
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("recording").to_str().unwrap().to_owned();
    let call = r#"curl -s https://fal.run/fal-ai/flux/dev -H "authorization: Key $FAL_KEY" -H "content-type: application/json" -d '{"prompt": "a cat"}'"#;
    let program = env!("CARGO_BIN_EXE_fal-emulator");
    let script =
        format!("cat <<'END' > {folder}.sh\n{call}\nEND\n{program} --record {folder} -- sh {folder}.sh");
    let (code, recorded, stderr) = run(&[], &[], &script);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(recorded.contains("https://v3.fal.media/files/"), "{recorded}{stderr}");
    assert!(stderr.contains("COST MONEY") && stderr.contains("recorded 1 exchange in"), "{stderr}");
    let (_, replayed, stderr) = run(&["--replay", &folder], &[], call);
    assert_eq!(replayed, recorded, "{stderr}");
}

#[test]
fn exit_codes_are_those_of_a_shell() {
    assert_eq!(run(&[], &[], "kill -TERM $$").0, Some(143));
    assert_eq!(run(&[], &[], "kill -KILL $$").0, Some(137));
    let output = command().args(["--", "/no/such/program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot run /no/such/program"), "{text}");
    assert_eq!(command().args(["--", "/etc/passwd"]).output().unwrap().status.code(), Some(126));
}

#[test]
fn signals_are_passed_on_and_nothing_of_the_command_is_left() {
    for (signal, code) in [("TERM", 5), ("INT", 5), ("HUP", 5)] {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        // The background process ignores the signals that the shell passes to background jobs by default.
        let script = format!(
            "trap 'exit 5' TERM INT HUP; sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait; wait",
            pid_file.display()
        );
        let mut command = command();
        let mut child = command.args(["--", "sh", "-c", &script]).stdin(Stdio::null()).spawn().unwrap();
        wait_until("the command starts", || pid_file.exists());
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        assert!(is_running(&pid));
        send_signal(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert!(!is_running(&pid), "{signal}: a process of the command is left");
    }
}

#[test]
fn a_killed_emulator_leaves_neither_processes_nor_files() {
    let folder = tempfile::tempdir().unwrap();
    let (pid_file, temporary) = (folder.path().join("pid"), folder.path().join("tmp"));
    std::fs::create_dir(&temporary).unwrap();
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display());
    let mut command = command();
    command.args(["--", "sh", "-c", &script]).stdin(Stdio::null()).env("TMPDIR", &temporary);
    let mut child = command.spawn().unwrap();
    wait_until("the command starts", || pid_file.exists());
    let files = || std::fs::read_dir(&temporary).unwrap().count();
    assert_eq!(files(), 1, "all files are in one folder");
    // A kill before the guard starts would leave the command behind.
    wait_until("the guard starts", || is_guarded(&temporary));
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the processes of the command end", || !is_running(&pid));
    wait_until("the files are removed", || files() == 0);
}

#[test]
fn other_hosts_are_reached_by_the_proxy_of_the_environment() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://me:secret@{}", proxy.local_addr().unwrap());
    let heads = std::thread::spawn(move || {
        let mut heads = Vec::new();
        for stream in proxy.incoming().take(2) {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let reply = if head.starts_with("CONNECT") { "403 No" } else { "200 OK" };
            std::io::Write::write_all(
                &mut stream,
                format!("HTTP/1.1 {reply}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nproxy").as_bytes(),
            )
            .unwrap();
            heads.push(head);
        }
        heads
    });
    let script = "curl -s http://example.test/a; curl -s https://example.test/b; curl -s http://fal.run/no/thing -o /dev/null";
    let environment =
        [("HTTPS_PROXY", url.as_str()), ("https_proxy", ""), ("http_proxy", url.as_str()), ("NO_PROXY", "")];
    let (_, stdout, stderr) = run(&[], &environment, script);
    assert_eq!(stdout, "proxy", "{stderr}");
    let heads = heads.join().unwrap();
    assert!(heads[0].starts_with("GET http://example.test/a HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[1].starts_with("CONNECT example.test:443 HTTP/1.1\r\n"), "{heads:?}");
    for head in &heads {
        assert!(head.contains("proxy-authorization: Basic bWU6c2VjcmV0\r\n"), "{head}");
    }
    assert!(stderr.contains("1 request came"), "{stderr}");
}

#[test]
fn env_prints_the_variables_for_a_running_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = command();
        command.arg("--tls").arg("--data").arg(folder.path().join("data"));
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let urls: Value = serde_json::from_str(&line).unwrap();
        let port = urls["run"].as_str().unwrap().split([':', '/']).nth(4).unwrap().to_owned();
        (child, port)
    };
    let env =
        |port: &str| command().args(["env", "--port", port, "--folder"]).arg(folder.path()).output().unwrap();
    let (mut child, port) = start();
    let output = env(&port);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("export HTTPS_PROXY='http://127.0.0.1:{port}'\n")), "{text}");
    let script = format!(
        "{text}\ntest \"$FAL_KEY\" = emulator:key && curl -s https://fal.run/no/thing -X POST -d '{{}}'"
    );
    let output = Command::new("sh").arg("-c").arg(&script).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("not found"), "{output:?}");
    let bundle = |port: &str| {
        std::fs::read_to_string(folder.path().join(format!("127-0-0-1-{port}/certificates.pem"))).unwrap()
    };
    let first = bundle(&port);
    child.kill().unwrap();
    child.wait().unwrap();

    let (mut child, port) = start();
    assert!(env(&port).status.success());
    assert_eq!(bundle(&port), first, "the certificate is kept with --data");
    child.kill().unwrap();
    child.wait().unwrap();
    let gone = command().args(["env", "--wait", "0", "--port", &port]).output().unwrap();
    assert!(!gone.status.success());
    assert!(String::from_utf8_lossy(&gone.stderr).contains("no emulator answers"), "{gone:?}");
}

/// Runs a script of the shell that can call the command as `$EMULATOR`, with a key of fal in its environment.
fn run_shell(options: &[&str], script: &str) -> (Option<i32>, String) {
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile"]).args(options).arg("-c").arg(script).stdin(Stdio::null());
    shell.env("EMULATOR", env!("CARGO_BIN_EXE_fal-emulator")).env("FAL_KEY", "the-real-key-of-the-user");
    let output = shell.env("NO_PROXY", "fal.run").output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_script_does_not_go_on_without_the_emulator_that_env_asks() {
    for arguments in ["--port 1 --wait 0", "--prot 8787", "--port no-number"] {
        let script = format!("eval \"$($EMULATOR env {arguments})\"\necho went on");
        assert_eq!(run_shell(&[], &script), (Some(1), String::new()), "{arguments}");
        // An interactive shell must not be closed. Its commands cannot reach fal.
        let script = format!(
            "eval \"$($EMULATOR env {arguments})\"; echo $? $FAL_KEY $HTTPS_PROXY $NO_PROXY; \
             curl -s https://fal.run/ || echo blocked"
        );
        let expected = "1 emulator:key http://127.0.0.1:9 localhost,127.0.0.1,::1\nblocked\n";
        assert_eq!(run_shell(&["-i"], &script), (Some(0), expected.to_owned()), "{arguments}");
    }
}

#[test]
fn env_can_be_undone() {
    let script = "export HTTPS_PROXY=http://127.0.0.1:8787 NODE_OPTIONS=x FAL_EMULATOR_URL=y; \
         eval \"$($EMULATOR env --unset)\"; echo \"$?$FAL_KEY$HTTPS_PROXY$NODE_OPTIONS$FAL_EMULATOR_URL\"";
    assert_eq!(run_shell(&[], script), (Some(0), "0\n".to_owned()));
}

#[test]
fn env_waits_for_an_emulator_that_starts_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let env =
        command().args(["env", "--wait", "120", "--port", &port, "--folder"]).arg(folder.path()).spawn();
    let env = env.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut emulator = command().args(["--tls", "--port", &port]).spawn().unwrap();
    let output = env.wait_with_output().unwrap();
    emulator.kill().unwrap();
    emulator.wait().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(&format!("export HTTPS_PROXY='http://127.0.0.1:{port}'\n")), "{output:?}");
}

#[test]
fn a_command_without_the_separator_is_told_where_it_belongs() {
    for (arguments, expected) in [
        (&["python", "app.py"][..], "fal-emulator -- python app.py"),
        (&["--port", "0", "node", "--watch", "app.mjs"], "fal-emulator --port 0 -- node --watch app.mjs"),
    ] {
        let output = command().args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(stderr, format!("fal-emulator: put `--` before the command to run: {expected}\n"));
    }
    let output = command().arg("--no-such-option").output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("unexpected argument '--no-such-option'"));
    assert_eq!(command().arg("--help").output().unwrap().status.code(), Some(0));
}

#[test]
fn node_reaches_the_emulator_whatever_opens_the_connection() {
    let Ok(version) = Command::new("node").arg("--version").output() else {
        println!("skipped: there is no Node here");
        return;
    };
    println!("Node {}", String::from_utf8_lossy(&version.stdout));
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("app.mjs");
    let text = r#"
        import https from "node:https";
        import tls from "node:tls";
        import { Worker } from "node:worker_threads";
        const lookup = () => { throw new Error("the name was looked up"); };
        const told = [];
        const reply = await fetch("https://fal.run/no/thing", { method: "POST", body: "{}" });
        told.push(reply.status, (await reply.json()).detail);
        // An agent and a lookup of one's own, as HTTP clients with a guard have them.
        told.push(await new Promise((resolve, reject) => {
          https.get({ host: "v3.fal.media", path: "/files/x", lookup, agent: new https.Agent() }, (got) => resolve(got.statusCode)).on("error", reject);
        }));
        // A TLS socket, as WebSocket packages open it.
        told.push(await new Promise((resolve, reject) => {
          const socket = tls.connect(443, "queue.fal.run", { servername: "queue.fal.run", lookup }, () => resolve(socket.authorized));
          socket.on("error", reject).on("secureConnect", () => socket.end());
        }));
        told.push(await new Promise((resolve, reject) => {
          const code = `fetch("https://queue.fal.run/a/b/requests/1/status").then((got) => require("node:worker_threads").parentPort.postMessage(got.status))`;
          new Worker(code, { eval: true }).on("message", resolve).on("error", reject);
        }));
        console.log(JSON.stringify(told));
    "#;
    std::fs::write(&program, text).unwrap();
    let script = format!("node {}", program.display());
    let environment = [("NODE_OPTIONS", "--no-warnings")];
    let (code, stdout, stderr) = run(&[], &environment, &script);
    assert_eq!(code, Some(0), "{stderr}");
    let told: Value = serde_json::from_str(stdout.trim()).unwrap_or_default();
    let expected = serde_json::json!([404, "Application \"thing\" not found", 404, true, 404]);
    assert_eq!(told, expected, "{stdout}{stderr}");
    assert!(stderr.contains("3 requests came"), "{stderr}");
}
