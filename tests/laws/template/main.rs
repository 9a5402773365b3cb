//! Answers each line of the input with a line of output, until the input ends.
//!
//! A request is `<endpoint id> <input or output> <instance as JSON>` or `<endpoint id> schema`. An answer is
//! `{"again": ..}` or `{"error": ..}`. Requests are sent in batches that end with an empty line. The answers follow when
//! the batch is complete, so that neither program has to read and write at the same time.

use std::{
    collections::HashMap,
    io::{self, BufRead, Write},
};

fn main() -> io::Result<()> {
    let rows: HashMap<&str, probe::Row> = rows().into_iter().map(|row| (row.0, row)).collect();
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
            let (id, direction, text) = (parts.next(), parts.next(), parts.next());
            let row = id.and_then(|id| rows.get(id));
            let answer = match (row, direction, text) {
                (Some((_, input, ..)), Some("input"), Some(text)) => input(text),
                (Some((_, _, output, _)), Some("output"), Some(text)) => output(text),
                (Some((.., schema)), Some("schema"), _) => Ok(schema()),
                _ => Err(format!("unknown request: {line}")),
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
