//! A call of a model, as `run` and the commands beside it prepare it.

use clap::CommandFactory as _;
use fal_client::Usd;
use fal_emulator::catalogue::CatalogueModel;
use serde_json::{Value, json};

use crate::arguments::{Arguments, Call};
use crate::costs::{self, Estimate};
use crate::failure::Result;
use crate::input::{self, Given, Input};
use crate::model::{help, lookup, parameter};
use crate::output::print;
use crate::session::Session;

/// Prints the help of a model for the command `name`, if the user asked for it.
pub(super) async fn print_help(session: &Session, name: &str, call: &Call) -> Result<bool> {
    if call.model_help {
        let model = lookup::find(session, &call.id).await?;
        let mut root = Arguments::command();
        root.build();
        if let Some(command) = root.find_subcommand(name) {
            let mut help = help::command(command, &model, &parameter::parameters(&model));
            print(help.render_long_help().to_string().trim_end());
        }
    }
    Ok(call.model_help)
}

/// A model and its checked input.
pub(super) struct Prepared {
    pub(super) model: CatalogueModel,
    pub(super) input: Input,
    /// The estimated cost, if it was asked for.
    estimate: Option<Estimate>,
}

impl Prepared {
    /// Finds the model, checks the input and, if the cost is limited, estimates it.
    pub(super) async fn new(
        session: &Session,
        call: &Call,
        limit: Option<Usd>,
        is_dry: bool,
    ) -> Result<Self> {
        let model = lookup::find(session, &call.id).await?;
        let given =
            Given { arguments: &call.parameters, base: call.input.as_ref(), is_unchecked: call.unchecked };
        let input = input::read(&model, &given)?;
        let limit = limit.or(session.max_cost());
        let estimate = match limit.is_some() || is_dry && session.can_call() {
            true => Estimate::fetch(session.client().await?, model.id(), &input.preview()).await?,
            false => None,
        };
        if let Some(limit) = limit {
            costs::check(estimate.as_ref(), limit)?;
        }
        Ok(Self { model, input, estimate })
    }

    /// Prints the call that would be made.
    pub(super) fn print_dry(&self, is_json: bool) {
        let input = self.input.preview();
        if is_json {
            let estimate = self.estimate.as_ref().map_or(Value::Null, Estimate::to_json);
            print(&json!({"endpoint": self.model.id(), "input": input, "estimate": estimate}).to_string());
            return;
        }
        print(&format!("{} {}", self.model.id(), serde_json::to_string_pretty(&input).unwrap_or_default()));
        match &self.estimate {
            Some(estimate) => eprintln!("would cost about {estimate}; nothing was sent"),
            None => eprintln!("nothing was sent"),
        }
    }
}
