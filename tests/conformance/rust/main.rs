//! Runs every operation of the official clients with `fal-client`.

use std::time::Duration;

use fal_client::{
    Client, File, Result,
    queue::{Job, Priority, Update},
    storage::Lifecycle,
    untyped,
    untyped::Any,
};
use serde_json::{Value, json};

use report::{Check, Operations, ensure, fails};

mod realtime;
mod report;
mod uploads;
mod webhook;

const MODEL: &str = "acme/painter/fast";
/// A picture of one pixel.
const PNG: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\
    \x15\xc4\x89\x00\x00\x00\x0dIDATx\xdacd\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\x00\x00\x00\x00IEND\xae\
    B`\x82";
const UNKNOWN: &str = "00000000-0000-0000-0000-000000000000";
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// Creates a client with the key from the environment.
fn client() -> Result<Client> {
    Client::from_env()
}

fn input() -> untyped::Input {
    input_with(json!({}))
}

/// Returns the input with more parameters.
fn input_with(more: Value) -> untyped::Input {
    untyped::input(MODEL, parameters(more))
}

fn parameters(more: Value) -> Value {
    let mut parameters = json!({"prompt": "a cat", "seed": 7, "width": 40, "height": 30});
    if let (Some(all), Value::Object(more)) = (parameters.as_object_mut(), more) {
        all.extend(more);
    }
    parameters
}

fn nothing() -> untyped::Input {
    untyped::input(MODEL, json!({}))
}

fn is_output(output: &Value) -> Check {
    let image = &output["images"][0];
    let found = (&output["seed"], &output["prompt"], &image["width"], &image["height"]);
    ensure(found == (&json!(7), &json!("a cat"), &json!(40), &json!(30)), || output.to_string())
}

fn unknown() -> Result<Job<Any>> {
    Ok(client()?.endpoint_id(MODEL).job(UNKNOWN))
}

fn main() -> std::process::ExitCode {
    let mut operations = Operations::default();
    direct(&mut operations);
    queue(&mut operations);
    subscribe(&mut operations);
    stream(&mut operations);
    realtime::add(&mut operations);
    uploads::add(&mut operations);
    errors(&mut operations);
    timeouts(&mut operations);
    operations.run()
}

fn direct(operations: &mut Operations) {
    operations.add("run", async || is_output(&*client()?.run(input()).await?));
    operations.add("run: start timeout", async || {
        is_output(&*client()?.run(input()).start_timeout(Duration::from_secs(30)).await?)
    });
    operations.add("run: hint, headers", async || {
        is_output(&*client()?.run(input()).runner_hint("warm").header("X-Custom", "1").await?)
    });
    operations.add("run: lifecycle", async || {
        let client = client()?;
        let output = client.run(input()).lifecycle(Lifecycle::default().expires_after(SECOND)).await?;
        is_output(&output)?;
        let url = output["images"][0]["url"].as_str().unwrap_or_default();
        client.download(url).await?.bytes().await?;
        uploads::is_gone_after_a_second(&client, url).await
    });
    operations.add("run: a file", async || {
        let client = client()?;
        let file = client.upload(File::bytes(PNG, "image/png")).await?;
        is_output(&*client.run(input_with(json!({"image_url": file.as_url()}))).await?)
    });
}

fn queue(operations: &mut Operations) {
    operations.add("submit", async || {
        let call =
            client()?.submit(input()).runner_hint("warm").priority(Priority::Low).header("X-Custom", "1");
        is_output(&*call.start_timeout(Duration::from_secs(45)).await?.wait().await?)
    });
    operations.add("submit: by id later", async || {
        let client = client()?;
        let submitted = client.submit(input()).await?;
        let job = client.endpoint_id(MODEL).job(submitted.request_id());
        is_output(&*job.wait().await?)?;
        is_output(&*job.result().await?)
    });
    operations.add("submit: webhook", webhook::submit);
    operations.add("status", async || {
        let job = client()?.submit(input()).await?;
        ensure(!job.status().await?.is_completed(), || "it was completed at once".to_owned())?;
        job.wait().await?;
        report::are_logs(job.status().logs().await?.logs())?;
        ensure(job.status().await?.logs().is_empty(), || "logs without being asked for".to_owned())?;
        fails(unknown()?.status().await, 404)
    });
    operations.add("iter_events", async || {
        use futures_util::TryStreamExt as _;
        let job = client()?.submit(input()).await?;
        report::are_updates(&job.updates().try_collect::<Vec<_>>().await?)
    });
    operations.add("result", async || {
        let job = client()?.submit(input()).await?;
        let early = job.result().await.err();
        ensure(early.as_ref().is_some_and(fal_client::Error::is_not_ready), || format!("{early:?}"))?;
        job.wait().await?;
        is_output(&*job.result().await?)?;
        fails(unknown()?.result().await, 404)
    });
    operations.add("cancel", async || {
        use fal_client::queue::Cancelled::{AlreadyCompleted, NotFound, Removed, Requested};
        let job = client()?.submit(input()).await?;
        let cancelled = [job.cancel().await?, job.cancel().await?, unknown()?.cancel().await?];
        // A slow machine may have started the request by then.
        let is_expected = matches!(cancelled, [Removed | Requested, AlreadyCompleted, NotFound]);
        ensure(is_expected, || format!("{cancelled:?}"))?;
        fails(job.result().await, 499)
    });
}

fn subscribe(operations: &mut Operations) {
    operations.add("subscribe", async || is_output(&*client()?.subscribe(input()).await?));
    operations.add("subscribe: logs", async || {
        let (seen, see) = report::update_channel();
        let call = client()?.subscribe(input()).logs().poll_every(Duration::from_millis(10)).on_update(see);
        is_output(&*call.await?)?;
        report::are_updates(&seen.try_iter().collect::<Vec<_>>())
    });
    operations.add("subscribe: status stream", async || {
        let (seen, see) = report::update_channel();
        is_output(&*client()?.subscribe(input()).logs().on_update(see).await?)?;
        report::are_updates(&seen.try_iter().collect::<Vec<_>>())
    });
}

fn stream(operations: &mut Operations) {
    operations.add("stream", async || {
        let mut events = client()?.stream(input()).await?;
        let mut urls = Vec::new();
        while let Some(event) = events.next().await {
            urls.push(event?["images"][0]["url"].to_string());
        }
        urls.sort_unstable();
        urls.dedup();
        ensure(urls.len() == 5, || format!("{urls:?}"))?;
        is_output(&*events.done().await?)
    });
    operations.add("stream: refused input", async || fails(client()?.stream(nothing()).await, 422));
}

fn errors(operations: &mut Operations) {
    operations.add("error: validation", async || {
        let refused = untyped::input(MODEL, json!({"prompt": "", "width": 0}));
        let error = client()?.run(refused).await.err();
        let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
        ensure(error.is_some_and(|error| error.is_validation()) && text.contains("width"), || text)?;
        fails(client()?.subscribe(nothing()).await, 422)
    });
    operations.add("error: unknown app", async || {
        let unknown = || untyped::input("no/such-app", parameters(json!({})));
        fails(client()?.run(unknown()).await, 404)?;
        fails(client()?.submit(unknown()).await, 404)
    });
    operations.add("error: wrong key", async || {
        let wrong = Client::builder().key("wrong:key").build()?;
        fails(wrong.run(input()).await, 401)?;
        fails(wrong.submit(input()).await, 401)
    });
}

fn timeouts(operations: &mut Operations) {
    operations.add("timeout: start", async || {
        let call = client()?.subscribe(input()).start_timeout(Duration::from_millis(1100));
        fails(call.await, 504)
    });
    operations.add("timeout: run", async || {
        fails(client()?.run(input()).start_timeout(Duration::from_millis(1100)).await, 504)
    });
    operations.add("priority", async || {
        let client = client()?;
        let mut positions = Vec::new();
        for priority in [Priority::Normal, Priority::Low] {
            let job = client.submit(input()).priority(priority).await?;
            match job.status().await? {
                Update::Queued { position, .. } => positions.push(position),
                other => return Err(format!("not in the queue: {other:?}").into()),
            }
        }
        ensure(positions == [2, 4], || format!("{positions:?}"))
    });
    operations.add("timeout: client", async || {
        let call = client()?.subscribe(input()).start_timeout(Duration::from_secs(60));
        let error = call.timeout(Duration::from_millis(1100)).await.err();
        let Some(error) = error.filter(|error| error.is_timeout()) else {
            return Err("the time was not up".into());
        };
        let job = client()?.endpoint_id(MODEL).job(error.request_id().unwrap_or_default());
        let cancelled = job.cancel().await?;
        ensure(cancelled == fal_client::queue::Cancelled::AlreadyCompleted, || {
            format!("not cancelled: {cancelled:?}")
        })
    });
}
