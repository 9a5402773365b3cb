//! `fal-cli trigger`: a signed example of a delivery, for a local program.

use std::process::ExitCode;
use std::sync::Arc;

use fal_client::untyped;
use fal_emulator::WebhookSender;
use fal_emulator::catalogue::CatalogueModel;
use serde_json::{Value, json};

use super::call::print_help;
use crate::arguments::TriggerArguments;
use crate::failure::{Failure, Result};
use crate::input::{self, Given};
use crate::model::{Parameter, lookup, parameter};
use crate::progress::Progress;
use crate::session::Session;
use crate::webhooks::{Deliverer, Delivery, KEY_SET_PATH, bind, serve};

/// The id of the request in a delivery of an error, which no service has.
const NO_REQUEST: &str = "00000000-0000-4000-8000-000000000000";

pub(super) async fn run(session: &Session, arguments: &TriggerArguments) -> Result<ExitCode> {
    let TriggerArguments { options, call } = arguments;
    if print_help(session, "trigger", call).await? {
        return Ok(ExitCode::SUCCESS);
    }
    if !session.is_local() {
        return Err(Failure::usage("the example comes from an emulator; add --emulator, or --emulator=URL"));
    }
    let model = lookup::find(session, &call.id).await?;
    let (request_id, status, result) = if options.error {
        let detail =
            json!([{"loc": ["body"], "msg": "an example of an error", "type": "value_error", "input": null}]);
        (NO_REQUEST.to_owned(), 422, json!({"detail": detail}))
    } else {
        let given = Given { arguments: &call.parameters, base: call.input.as_ref(), is_unchecked: true };
        let client = session.client().await?;
        let progress = Progress::new(session.global.quiet, session.global.json);
        let given = input::read(&model, &given)?.upload(client, &progress).await?;
        let input = input::check(&model, with_samples(&model, given))?;
        let reply = client.subscribe(untyped::input(model.id(), input)).await?;
        (reply.request_id().to_owned(), 200, (*reply).clone())
    };
    let deliverer = Arc::new(Deliverer::new(session.global.json)?);
    // A program that verifies the delivery asks for the keys; where the address is taken, `listen` answers.
    if let Ok(listener) = bind(options.at).await {
        drop(tokio::spawn(serve(listener, deliverer.clone(), Value::Null, None)));
    }
    if !session.global.json && !session.global.quiet {
        eprintln!("verify it with the keys of http://{}{KEY_SET_PATH}", options.at);
    }
    let body = WebhookSender::body(&request_id, status, &result).to_string();
    let delivery = Delivery { url: options.forward_to.clone(), request_id, body };
    deliverer.deliver(delivery).await?.check()?;
    Ok(ExitCode::SUCCESS)
}

/// Adds values for the required parameters that were not given, and for one of the others if a rule asks for it, such as
/// "at least one of".
fn with_samples(model: &CatalogueModel, mut input: Value) -> Value {
    let parameters = parameter::parameters(model);
    let (required, optional): (Vec<_>, Vec<_>) = parameters
        .iter()
        .filter(|parameter| input.get(&parameter.name).is_none())
        .partition(|parameter| parameter.is_required);
    for parameter in required {
        input[&parameter.name] = parameter.sample();
    }
    if input::check(model, input.clone()).is_ok() {
        return input;
    }
    let with_one_more = |parameter: &Parameter| {
        let mut input = input.clone();
        input[&parameter.name] = parameter.sample();
        input::check(model, input.clone()).is_ok().then_some(input)
    };
    optional.into_iter().find_map(with_one_more).unwrap_or(input)
}

#[cfg(test)]
mod tests {
    use fal_emulator::catalogue::Catalogue;

    use super::*;

    #[test]
    fn samples_are_allowed_values() {
        let catalogue = Catalogue::embedded().unwrap();
        let ids: Vec<&str> = catalogue.summaries().map(|model| model.id).collect();
        // Every tenth model, because a debug build takes long for all.
        let refused = ids.into_iter().step_by(10).filter_map(|id| {
            let model = catalogue.get(id)?;
            let input = with_samples(&model, json!({}));
            let failure = input::check(&model, input.clone()).err()?;
            Some(format!("{id}: {input}: {}", failure.lines().join("; ")))
        });
        assert_eq!(refused.collect::<Vec<_>>(), [""; 0]);
    }
}
