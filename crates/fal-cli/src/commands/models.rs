//! `fal-cli models`: the search.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use console::style;
use serde_json::json;

use crate::arguments::ModelsArguments;
use crate::failure::Result;
use crate::model::lookup;
use crate::model::search::Found;
use crate::output::print;
use crate::session::Session;

pub(super) async fn run(session: &Session, arguments: &ModelsArguments) -> Result<ExitCode> {
    let ModelsArguments { words, task, limit, offline } = arguments;
    let task = task.as_deref();
    let catalogue = session.catalogue()?;
    let (mut found, failure) = lookup::search(session, words, task, *offline).await?;
    if let Some(failure) = failure.filter(|_| !session.global.quiet) {
        eprintln!("warning: the platform was not searched: {}", failure.lines().join("; "));
    }
    let total = found.len();
    if *limit > 0 {
        found.truncate(*limit);
    }
    if session.global.json {
        print(&json!({"total": total, "models": found}).to_string());
    } else {
        print_table(&found, words, &catalogue, total, session.global.quiet);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_table(
    found: &[Found],
    words: &[String],
    catalogue: &fal_emulator::catalogue::Catalogue,
    total: usize,
    is_quiet: bool,
) {
    if !std::io::stdout().is_terminal() {
        found.iter().for_each(|model| print(&[&*model.id, &model.category, &model.name].join("\t")));
    } else {
        let width =
            |of: fn(&Found) -> &str| found.iter().map(|model| of(model).len()).max().unwrap_or_default();
        let (ids, categories) = (width(|model| &model.id), width(|model| &model.category));
        for Found { id, name, category, .. } in found {
            print(&format!(
                "{}  {category:categories$}  {}",
                style(format!("{id:ids$}")).bold(),
                style(name).dim()
            ));
        }
    }
    let note = match (found.len(), total) {
        (0, _) => match catalogue.similar_ids(&words.join("-")).as_slice() {
            [] => "no model matches".to_owned(),
            similar => format!("no model matches; did you mean {}?", similar.join(", ")),
        },
        (shown, total) if shown < total => format!("{shown} of {total}; --limit 0 lists all"),
        _ => return,
    };
    if !is_quiet {
        eprintln!("{note}");
    }
}
