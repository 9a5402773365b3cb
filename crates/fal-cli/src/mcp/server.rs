//! The calls of tools.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use fal_client::queue::{Cancelled, Ticket, Update};
use fal_client::storage::find_media;
use fal_client::untyped::{self, Any};
use fal_client::{Client, File, Reply, Usd};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
    PaginatedRequestParams, ProgressNotificationParam, Resource, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{Shared, tools};
use crate::commands::describe;
use crate::costs::{self, Estimate};
use crate::failure::{Failure, FailureKind, Result};
use crate::input;
use crate::model::lookup;

/// The largest file that is returned inside a result.
const MAX_INLINE: u64 = 4 << 20;

/// A connection of an agent. All share the session and the budget.
#[derive(Clone)]
pub(super) struct Server(Arc<Shared>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    query: String,
    task: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfModel {
    model: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    model: String,
    input: Value,
    max_cost: Option<serde_json::Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRequest {
    model: String,
    request_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    path: Option<String>,
    content: Option<String>,
    content_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fetch {
    url: String,
    #[serde(default)]
    inline: bool,
    save_as: Option<String>,
}

/// The result of a tool: JSON, and blocks beside it.
struct Answer {
    json: Value,
    blocks: Vec<ContentBlock>,
}

impl From<Value> for Answer {
    fn from(json: Value) -> Self {
        Self { json, blocks: Vec::new() }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("fal-cli", env!("CARGO_PKG_VERSION")).with_title("fal");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(
                "Models of fal. Find one with find_models, read its parameters with describe_model, then run it with run_model. \
                 Local files become URLs with upload_file. Calls that spend money are checked before they are sent.",
            )
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> std::result::Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> std::result::Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let mut result = match self.call(&request.name, arguments, &context).await {
            Ok(Answer { json, blocks }) => {
                // Agents that do not read structured content read the text.
                let text = ContentBlock::text(json.to_string());
                let mut result = CallToolResult::success([text].into_iter().chain(blocks).collect());
                result.structured_content = Some(json);
                result
            }
            Err(failure) => {
                let mut result = CallToolResult::error(vec![ContentBlock::text(failure.lines().join("\n"))]);
                result.structured_content = Some(failure.to_json());
                result
            }
        };
        result.is_error.get_or_insert(false);
        Ok(result.into())
    }
}

impl Server {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    fn tools(&self) -> Vec<Tool> {
        let own = self.0.models.iter().map(|(name, model)| tools::of_model(name, model));
        own.chain(tools::general(self.0.files.is_some())).collect()
    }

    async fn call(
        &self,
        name: &str,
        arguments: Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answer> {
        if let Some((_, model)) = self.0.models.iter().find(|(tool, _)| tool == name) {
            return self.run(model.id(), arguments, None, context).await;
        }
        match name {
            "find_models" => self.find_models(&parse(arguments)?).await.map(Answer::from),
            "describe_model" => self.describe(&parse(arguments)?).await.map(Answer::from),
            "estimate_cost" => self.estimate(parse(arguments)?).await.map(Answer::from),
            "run_model" => {
                let Call { model, input, max_cost } = parse(arguments)?;
                self.run(&model, input, to_usd(max_cost)?, context).await
            }
            "submit_model" => self.submit(parse(arguments)?).await.map(Answer::from),
            "request_status" => self.status(&parse(arguments)?).await.map(Answer::from),
            "request_result" => self.result(&parse(arguments)?, context).await,
            "cancel_request" => self.cancel(&parse(arguments)?).await.map(Answer::from),
            "upload_file" => self.upload(parse(arguments)?).await.map(Answer::from),
            "fetch_file" => self.fetch(parse(arguments)?).await,
            "session_costs" => parse::<Nothing>(arguments).map(|_| self.0.budget.to_json().into()),
            other => Err(Failure::usage(format!("there is no tool `{other}`"))),
        }
    }

    async fn client(&self) -> Result<&Client> {
        self.0.session.client().await
    }

    async fn find_models(&self, query: &Query) -> Result<Value> {
        let words = [query.query.clone()];
        let (mut found, _) = lookup::search(&self.0.session, &words, query.task.as_deref(), false).await?;
        let total = found.len();
        found.truncate(query.limit.unwrap_or(20).min(100));
        Ok(json!({"total": total, "models": found}))
    }

    async fn describe(&self, arguments: &OfModel) -> Result<Value> {
        let model = lookup::find(&self.0.session, &arguments.model).await?;
        let mut facts = describe(&self.0.session, &model).await?;
        facts["input_schema"] = model.input_json_schema();
        Ok(facts)
    }

    async fn estimate(&self, call: Call) -> Result<Value> {
        let model = lookup::find(&self.0.session, &call.model).await?;
        let input = input::check(&model, call.input)?;
        let estimate = Estimate::fetch(self.client().await?, model.id(), &input).await?;
        Ok(json!({"endpoint": model.id(), "estimate": estimate.map(|estimate| estimate.to_json())}))
    }

    /// Runs a model with progress notifications, and cancels it when the agent cancels the call.
    async fn run(
        &self,
        id: &str,
        input: Value,
        max_cost: Option<Usd>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answer> {
        let model = lookup::find(&self.0.session, id).await?;
        let (id, input) = (model.id(), input::check(&model, input)?);
        let client = self.client().await?;
        let reservation = self.0.budget.reserve(client, id, &input, max_cost).await?;
        let queued: Arc<Mutex<Option<Ticket<Any>>>> = Arc::default();
        let (sender, updates) = mpsc::unbounded_channel();
        let call = client
            .subscribe(untyped::input(id, &input))
            .on_queued({
                let queued = queued.clone();
                move |ticket| *queued.lock().unwrap_or_else(PoisonError::into_inner) = Some(ticket)
            })
            .logs()
            .on_update(move |update| drop(sender.send(update.clone())));
        let start = Instant::now();
        let reply = follow(call.into_future(), updates, context).await;
        match reply {
            Some(Ok(reply)) => {
                let (answer, cost) = self.answer(id, &reply, start).await?;
                reservation.settle(cost);
                Ok(answer)
            }
            Some(Err(error)) => {
                if !error.may_be_accepted() && error.request_id().is_none() {
                    reservation.release();
                }
                Err(error.into())
            }
            None => {
                let queued = queued.lock().unwrap_or_else(PoisonError::into_inner).take();
                // A request that was not confirmed may have been accepted, and counts.
                if let Some(ticket) = queued
                    && let Ok(Cancelled::Removed) = client.resume(ticket).cancel().await
                {
                    reservation.release();
                }
                Err(Failure::new(FailureKind::Interrupted, "the call was cancelled"))
            }
        }
    }

    async fn submit(&self, call: Call) -> Result<Value> {
        let model = lookup::find(&self.0.session, &call.model).await?;
        if self.0.session.is_embedded() {
            eprintln!("warning: the request ends with this server");
        }
        let input = input::check(&model, call.input)?;
        let client = self.client().await?;
        let reservation = self.0.budget.reserve(client, model.id(), &input, to_usd(call.max_cost)?).await?;
        match client.submit(untyped::input(model.id(), &input)).await {
            Ok(job) => Ok(json!({"endpoint": model.id(), "request_id": job.request_id()})),
            Err(error) => {
                if !error.may_be_accepted() {
                    reservation.release();
                }
                Err(error.into())
            }
        }
    }

    async fn status(&self, request: &OfRequest) -> Result<Value> {
        let job = self.client().await?.endpoint_id(&request.model).job(&request.request_id);
        let update = job.status().logs().await?;
        Ok(serde_json::to_value(update).unwrap_or_default())
    }

    async fn result(&self, request: &OfRequest, context: &RequestContext<RoleServer>) -> Result<Answer> {
        let (start, (sender, updates)) = (Instant::now(), mpsc::unbounded_channel());
        let job = self.client().await?.endpoint_id(&request.model).job(&request.request_id);
        let wait = job.wait().logs().on_update(move |update| drop(sender.send(update.clone())));
        match follow(wait.into_future(), updates, context).await {
            Some(reply) => Ok(self.answer(job.endpoint(), &reply?, start).await?.0),
            None => {
                Err(Failure::new(FailureKind::Interrupted, "the call was cancelled; the request goes on"))
            }
        }
    }

    async fn cancel(&self, request: &OfRequest) -> Result<Value> {
        let job = self.client().await?.endpoint_id(&request.model).job(&request.request_id);
        let outcome = match job.cancel().await? {
            Cancelled::Removed => "removed",
            Cancelled::Requested => "requested",
            Cancelled::AlreadyCompleted => "already_completed",
            _ => return Err(Failure::new(FailureKind::NotFound, "there is no such request")),
        };
        Ok(json!({"request_id": request.request_id, "outcome": outcome}))
    }

    async fn upload(&self, upload: Upload) -> Result<Value> {
        let file = match (upload.path, upload.content) {
            (Some(path), None) => File::path(self.local_path(&path)?),
            (None, Some(content)) => {
                let content = BASE64.decode(content.trim());
                let content =
                    content.map_err(|error| Failure::usage(format!("content: not base64: {error}")))?;
                let content_type = upload.content_type.as_deref().unwrap_or("application/octet-stream");
                File::bytes(Bytes::from(content), content_type)
            }
            _ => return Err(Failure::usage("give either path or content")),
        };
        let uploaded = self.client().await?.upload(file).await?;
        Ok(json!({"url": uploaded.as_url()}))
    }

    /// Returns the path of a file in the folder of this server. Links out of it are refused.
    fn local_path(&self, path: &str) -> Result<std::path::PathBuf> {
        let Some(folder) = &self.0.files else {
            return Err(Failure::usage("this server reads no files; it needs --files DIR"));
        };
        let whole = std::fs::canonicalize(folder.join(path));
        let whole = whole.map_err(|error| Failure::usage(format!("path: {path} cannot be read: {error}")))?;
        match whole.starts_with(folder) {
            true => Ok(whole),
            false => Err(Failure::usage(format!("path: {path} is not in the folder of this server"))),
        }
    }

    async fn fetch(&self, fetch: Fetch) -> Result<Answer> {
        let client = self.client().await?;
        // An agent may be told to fetch from the network of its user.
        let request = client.download(fetch.url.as_str()).hosts(self.media_hosts(client));
        if let Some(name) = &fetch.save_as {
            let Some(folder) = &self.0.files else {
                return Err(Failure::usage("this server saves no files; it needs --files DIR"));
            };
            let path = request.await?.save_in(folder, name).await?;
            return Ok(json!({"url": fetch.url, "path": path}).into());
        }
        let download = request.max_bytes(MAX_INLINE).await?;
        let content_type = download.content_type().unwrap_or("application/octet-stream").to_owned();
        let length = download.content_length();
        let mut answer =
            Answer::from(json!({"url": fetch.url, "content_type": content_type, "bytes": length}));
        if fetch.inline {
            let content = BASE64.encode(download.bytes().await?);
            answer.blocks.push(match content_type.split('/').next() {
                Some("image") => ContentBlock::image(content, content_type),
                Some("audio") => ContentBlock::audio(content, content_type),
                _ => return Err(Failure::usage("only pictures and recordings can be returned inline")),
            });
        }
        Ok(answer)
    }

    fn media_hosts(&self, client: &Client) -> Vec<String> {
        let own = client.hosts().cdn().split("://").nth(1).unwrap_or_default();
        let own = own.split(['/', ':']).next().unwrap_or_default().to_owned();
        ["fal.media", "fal.ai"].map(str::to_owned).into_iter().chain([own]).collect()
    }

    /// Returns the answer with an output and links to its files, and its cost.
    async fn answer(&self, id: &str, reply: &Reply<Value>, start: Instant) -> Result<(Answer, Option<Usd>)> {
        let price = lookup::price(self.client().await?, id).await;
        let cost = costs::billed(price.as_ref(), reply.billable_units());
        let files = find_media(reply);
        let links = files.iter().filter(|file| !file.url.starts_with("data:"));
        let blocks =
            links.map(|file| ContentBlock::resource_link(Resource::new(&file.url, &file.field))).collect();
        let files: Vec<Value> =
            files.iter().map(|file| json!({"field": file.field, "url": file.url})).collect();
        let seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let json = json!({
            "endpoint": id, "request_id": reply.request_id(), "output": **reply, "files": files, "cost": cost,
            "seconds": seconds,
        });
        let cost = cost["amount"].as_str().and_then(|amount| amount.parse().ok());
        Ok((Answer { json, blocks }, cost))
    }
}

/// Waits for a call, and passes its updates on as progress. Returns `None` if the agent cancels.
async fn follow<T>(
    call: impl Future<Output = T>,
    mut updates: mpsc::UnboundedReceiver<Update>,
    context: &RequestContext<RoleServer>,
) -> Option<T> {
    let mut call = pin!(call);
    let token = context.meta.get_progress_token();
    let mut step = 0.0;
    loop {
        tokio::select! {
            biased;
            () = context.ct.cancelled() => return None,
            Some(update) = updates.recv() => {
                if let Some(token) = &token {
                    step += 1.0;
                    let progress = ProgressNotificationParam::new(token.clone(), step).with_message(update.to_string());
                    // The call goes on without its progress.
                    context.peer.notify_progress(progress).await.ok();
                }
            }
            done = &mut call => return Some(done),
        }
    }
}

/// No arguments.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn parse<T: DeserializeOwned>(arguments: Value) -> Result<T> {
    serde_json::from_value(arguments)
        .map_err(|error| Failure::usage(format!("the arguments are wrong: {error}")))
}

fn to_usd(amount: Option<serde_json::Number>) -> Result<Option<Usd>> {
    amount.map(|amount| amount.to_string().parse()).transpose().map_err(Failure::from)
}
