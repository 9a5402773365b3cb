//! Measures apps with one call of a large family, and the crates of these families alone.

use std::path::Path;

use super::{App, Of, Row, WITH_RING, our_dependencies};

/// Longest check of a model crate, in seconds. A family that exceeds it has to be split.
const MAX_CHECK: f64 = 2.0;

/// An app with one call, named after its crate.
struct Hello {
    name: &'static str,
    krate: &'static str,
    main: &'static str,
}

const HELLOS: [Hello; 2] = [
    Hello { name: "hello-kling", krate: "fal-kling-video", main: include_str!("apps/kling.rs") },
    Hello { name: "hello-pixverse", krate: "fal-pixverse", main: include_str!("apps/pixverse.rs") },
];

/// Returns two rows for each app. `tokio` is the line of that dependency.
pub(super) fn measure(folder: &Path, tokio: &str, rounds: usize) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for hello in &HELLOS {
        eprintln!("bench families: {}", hello.name);
        let needs = format!("{}{tokio}", our_dependencies(hello.krate, &WITH_RING));
        let app = App::write(hello.name, folder, &needs, hello.main)?;
        let (mut whole, mut alone) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            whole.push(app.cold(&["check"])?.seconds);
            alone.push(app.check_alone(hello.krate)?);
        }
        rows.push(Row::alone(&format!("families: cold check of {}", hello.name), "s", &whole));
        let row = Row::alone(&format!("families: check of {} alone", hello.krate), "s", &alone);
        rows.push(row.at_most(Of::Ours, MAX_CHECK));
    }
    Ok(rows)
}
