//! Answers, one line a line, until the input ends.
//!
//! A request is `<endpoint id> <input or output> <instance as JSON>` or `<endpoint id> schema`, an answer `{"again": ..}` or
//! `{"error": ..}`. Requests come in batches that end with an empty line; answers come when a batch is
//! whole, so that neither side has to read and write at the same time.

use std::{
    collections::HashMap,
    io::{self, BufRead, Write},
};

fn main() -> io::Result<()> {
    let rows: HashMap<&str, ask::Row> = rows().into_iter().map(|row| (row.0, row)).collect();
    let mut batch = Vec::new();
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        if !line.is_empty() {
            batch.push(line);
            continue;
        }
        for line in batch.drain(..) {
            let mut parts = line.splitn(3, ' ');
            let (id, side, text) = (parts.next(), parts.next(), parts.next());
            let row = id.and_then(|id| rows.get(id));
            let answer = match (row, side, text) {
                (Some((_, input, ..)), Some("input"), Some(text)) => input(text),
                (Some((_, _, output, _)), Some("output"), Some(text)) => output(text),
                (Some((.., schema)), Some("schema"), _) => Ok(schema()),
                _ => Err(format!("no such request: {line}")),
            };
            match answer {
                Ok(again) => writeln!(out, "{{\"again\":{again}}}")?,
                Err(error) => writeln!(out, "{}", serde_json::json!({ "error": error }))?,
            }
        }
        out.flush()?;
    }
    Ok(())
}
