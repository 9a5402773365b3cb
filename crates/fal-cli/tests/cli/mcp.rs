//! The MCP server over stdio, as lines of JSON. The conformance tests try it with the official Python client, over HTTP too.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::support::Terminal;

/// A connection of an agent.
struct Agent {
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    id: u64,
    /// The notifications that came before the latest reply.
    notifications: Vec<Value>,
}

impl Agent {
    async fn connect(terminal: &Terminal, arguments: &[&str]) -> Self {
        let mut command = terminal.command(&[&["mcp"][..], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut agent = Self { _child: child, stdin, lines, id: 0, notifications: Vec::new() };
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
        let server = agent.request("initialize", hello).await;
        assert_eq!(server["serverInfo"]["name"], "fal-cli", "{server}");
        agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        agent
    }

    async fn send(&mut self, message: &Value) {
        self.stdin.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        self.notifications.clear();
        loop {
            let line = self.lines.next_line().await.unwrap().unwrap();
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id {
                return message["result"].clone();
            }
            self.notifications.push(message);
        }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let meta = json!({"progressToken": "t"});
        let result =
            self.request("tools/call", json!({"name": tool, "arguments": arguments, "_meta": meta})).await;
        json!({"error": result["isError"], "json": result["structuredContent"], "content": result["content"]})
    }
}

#[tokio::test]
async fn an_agent_runs_a_model_within_its_budget() {
    let terminal = Terminal::with_emulator().await;
    let arguments = ["--models", "fal-ai/flux/dev", "--budget", "0.06"];
    let mut agent = Agent::connect(&terminal, &arguments).await;
    let tools = agent.request("tools/list", json!({})).await;
    let names: Vec<&str> =
        tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"fal-ai_flux_dev") && names.contains(&"run_model"), "{names:?}");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, table) = readme.split_once("| there | line | tool |").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|line| line.rsplit(" | ").next()?.strip_suffix("` |")?.strip_prefix('`'));
    let promised: Vec<&str> = cells.collect();
    assert!(promised.len() > 12 && promised.iter().all(|tool| names.contains(tool)), "{promised:?}");

    let input = json!({"prompt": "a cat", "image_size": {"width": 64, "height": 64}});
    let ran = agent.call("fal-ai_flux_dev", input.clone()).await;
    assert_eq!(ran["error"], false, "{ran}");
    assert_eq!(ran["content"][1]["type"], "resource_link");
    assert!(agent.notifications.iter().any(|message| message["method"] == "notifications/progress"));

    let wrong =
        agent.call("run_model", json!({"model": "fal-ai/flux/dev", "input": {"num_images": 9}})).await;
    assert_eq!(wrong["error"], true);
    assert_eq!(wrong["json"]["error"]["problems"].as_array().unwrap().len(), 2, "{wrong}");
    for arguments in [json!({}), json!({"model": 3}), json!({"model": "a/b", "input": {}, "more": 1})] {
        assert_eq!(agent.call("run_model", arguments).await["error"], true);
    }
    assert_eq!(agent.call("dance", json!({})).await["error"], true);

    // The budget is for all calls together.
    let mut refused = false;
    for _ in 0..100 {
        let call = agent.call("submit_model", json!({"model": "fal-ai/flux/dev", "input": input})).await;
        if call["error"] == true {
            assert_eq!(call["json"]["error"]["kind"], "cost", "{call}");
            refused = true;
            break;
        }
    }
    let costs = agent.call("session_costs", json!({})).await["json"].clone();
    let amount = |name: &str| costs[name].as_str().unwrap().parse::<f64>().unwrap();
    assert!(refused && amount("spent") <= amount("limit"), "{costs}");
}

#[tokio::test]
async fn files_outside_of_the_folder_are_not_read() {
    let terminal = Terminal::with_emulator().await;
    terminal.write("secret.txt", "secret");
    terminal.write("shared/cat.png", crate::support::PIXEL);
    let mut closed = Agent::connect(&terminal, &[]).await;
    assert_eq!(closed.call("upload_file", json!({"path": "secret.txt"})).await["error"], true);
    let mut agent = Agent::connect(&terminal, &["--files", "shared"]).await;
    #[cfg(unix)]
    std::os::unix::fs::symlink(terminal.path("secret.txt"), terminal.path("shared/link.txt")).unwrap();
    for path in ["../secret.txt", "link.txt", "none.png"] {
        assert_eq!(agent.call("upload_file", json!({"path": path})).await["error"], true, "{path}");
    }
    let uploaded = agent.call("upload_file", json!({"path": "cat.png"})).await;
    let url = uploaded["json"]["url"].as_str().unwrap().to_owned();
    let inline = agent.call("fetch_file", json!({"url": url, "inline": true})).await;
    assert_eq!(inline["content"][1]["mimeType"], "image/png", "{inline}");
    let elsewhere = agent.call("fetch_file", json!({"url": "http://192.0.2.1/x.png"})).await;
    assert_eq!(elsewhere["error"], true);
}

#[tokio::test]
async fn a_call_that_the_agent_cancels_is_cancelled_at_fal() {
    use fal_emulator::{Emulator, Pace, RequestKind};
    let pace = Pace::default().run(std::time::Duration::from_secs(3600));
    let emulator = Emulator::builder().pace(pace).start().await.unwrap();
    let terminal = Terminal { emulator: Some(emulator), ..Terminal::offline() };
    let mut agent = Agent::connect(&terminal, &[]).await;
    let arguments = json!({"model": "fal-ai/flux/dev", "input": {"prompt": "a cat"}});
    let call = json!({"name": "run_model", "arguments": arguments});
    agent.send(&json!({"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": call})).await;
    let emulator = terminal.emulator.as_ref().unwrap();
    emulator.wait_for(|request| request.path.contains("/status")).await;
    let cancelled = json!({"requestId": 99, "reason": "no"});
    agent.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})).await;
    emulator.wait_for(|request| request.kind == RequestKind::Cancel).await;
}

#[tokio::test]
async fn only_this_machine_may_connect_over_http() {
    let terminal = Terminal::with_emulator().await;
    let refused = terminal.run(&["mcp", "--http=0.0.0.0:0"]).await;
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("127.0.0.1"), "{}", refused.stderr);
    assert_eq!(terminal.run(&["mcp", "--models", "fal-ai/flux/deev"]).await.code, 2);
    assert_eq!(terminal.run(&["mcp", "--files", "none"]).await.code, 2);
}
