//! Deliveries to local programs: signed as fal signs them, recorded, and sent again.

mod receiver;
mod record;

use std::path::PathBuf;

use fal_emulator::WebhookSender;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use crate::failure::{Failure, FailureKind, Result};
use crate::folders;
use crate::output::print;

pub(crate) use receiver::{KEY_SET_PATH, bind, serve};
pub(crate) use record::Recorded;

/// Sends deliveries to a local program and prints a line about each.
pub(crate) struct Deliverer {
    pub(crate) sender: WebhookSender,
    is_json: bool,
}

impl Deliverer {
    /// Creates a deliverer with the key of this user.
    pub(crate) fn new(is_json: bool) -> Result<Self> {
        Ok(Self { sender: WebhookSender::with_seed(&seed()?), is_json })
    }

    /// Signs a delivery and sends it. A new one is recorded, so that it can be sent again.
    pub(crate) async fn deliver(&self, delivery: Delivery) -> Result<Answer> {
        let Delivery { url, request_id, body } = delivery;
        let recorded = Recorded::add(url, request_id, body)?;
        self.send(&recorded, false).await
    }

    /// Sends a recorded delivery again, signed now.
    pub(crate) async fn resend(&self, recorded: &Recorded) -> Result<Answer> {
        self.send(recorded, true).await
    }

    async fn send(&self, recorded: &Recorded, is_resent: bool) -> Result<Answer> {
        let Recorded { request_id, url, body, .. } = recorded;
        let outcome = self.sender.send(request_id, url, body.clone()).await.outcome;
        Ok(self.report(recorded, is_resent, outcome))
    }

    /// Passes on a delivery of the service unchanged, with the service's signature.
    pub(crate) async fn forward(&self, delivery: Delivery, headers: &[(String, String)]) -> Result<Answer> {
        let Delivery { url, request_id, body } = delivery;
        let outcome = self.sender.post(&url, headers, body.clone().into()).await;
        let recorded = Recorded::add(url, request_id, body)?;
        Ok(self.report(&recorded, false, outcome))
    }

    /// Prints a line about a delivery.
    fn report(
        &self,
        recorded: &Recorded,
        is_resent: bool,
        outcome: std::result::Result<u16, String>,
    ) -> Answer {
        let body: Value = serde_json::from_str(&recorded.body).unwrap_or_default();
        let status = body["status"].as_str().unwrap_or("ERROR");
        let Recorded { number, request_id, .. } = recorded;
        if self.is_json {
            let mut line = json!({
                "number": number, "request_id": request_id, "status": status, "resent": is_resent, "answer": null,
            });
            match &outcome {
                Ok(answer) => line["answer"] = json!(answer),
                Err(problem) => line["error"] = json!(problem),
            }
            print(&line.to_string());
        } else {
            let again = if is_resent { ", sent again" } else { "" };
            let answer = match &outcome {
                Ok(answer) => format!("answered {answer}"),
                Err(problem) => format!("no answer: {problem}"),
            };
            print(&format!("{number}  {status}  {request_id}  {answer}{again}"));
        }
        Answer(outcome)
    }
}

/// A delivery for a program.
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) request_id: String,
    pub(crate) body: String,
}

/// The status that a program answered with, or the reason for which there is none.
pub(crate) struct Answer(std::result::Result<u16, String>);

impl Answer {
    /// Returns the status, or `None` without an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        self.0.as_ref().ok().copied()
    }

    /// Returns true if the program has accepted the delivery.
    pub(crate) fn is_accepted(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns a failure if the program has not accepted the delivery.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.0 {
            Ok(_) if self.is_accepted() => Ok(()),
            Ok(status) => {
                Err(Failure::new(FailureKind::Failed, format!("the program answered {status}, not 2xx")))
            }
            Err(problem) => {
                Err(Failure::new(FailureKind::Connection, format!("the program has not answered: {problem}")))
            }
        }
    }
}

/// Parses the URL of a local program.
pub(crate) fn parse_url(text: &str) -> std::result::Result<String, String> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.map(String::from).ok_or_else(|| "expected a URL such as http://localhost:3000/hook".to_owned())
}

/// Returns the seed of the key that signs deliveries, which is created when it is first needed.
fn seed() -> Result<[u8; 32]> {
    let path = folders::state()?.join("webhook.key");
    if let Some(seed) = read_seed(&path)? {
        return Ok(seed);
    }
    let mut seed = [0; 32];
    let filled = SystemRandom::new().fill(&mut seed);
    filled.map_err(|_| Failure::usage("this machine has no random numbers for a key"))?;
    folders::write_private(&path, &seed)?;
    Ok(seed)
}

fn read_seed(path: &PathBuf) -> Result<Option<[u8; 32]>> {
    match std::fs::read(path) {
        // A file of another length is replaced.
        Ok(content) => Ok(content.try_into().ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::usage(format!("{} cannot be read: {error}", path.display()))),
    }
}
