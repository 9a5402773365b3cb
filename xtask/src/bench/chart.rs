//! Rows as bars, in SVG that can be read on light and on dark pages.

use std::fmt::Write as _;

use super::{
    row::Row,
    table::{number, subject},
};

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 180.0;
const LONGEST: f64 = 440.0;
const BAR: f64 = 18.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}.note{fill:#59636e}\
    .ours{fill:#0969da}.floor{fill:#8c959f}.other{fill:#d4a72c}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#9198a1}\
    .ours{fill:#4493f8}.floor{fill:#6e7681}.other{fill:#bb8009}}";

/// A block of bars for each row that something is compared with, or nothing where there is none.
pub(super) fn svg(bench: &str, rows: &[Row]) -> Option<String> {
    let compared: Vec<&Row> =
        rows.iter().filter(|row| row.floor.is_some() || !row.peers.is_empty()).collect();
    if compared.is_empty() {
        return None;
    }
    let mut body = String::new();
    let mut y = 20.0;
    for row in compared {
        let better = if row.unit.ends_with("/s") { "more is better" } else { "less is better" };
        let head = format!("{}, {}", subject(row), row.unit);
        let _ = writeln!(
            body,
            "<text class=\"head\" x=\"0\" y=\"{y}\">{} <tspan class=\"note\">({better})</tspan></text>",
            escaped(&head)
        );
        y += 8.0;
        let bars = bars(row);
        let most = bars.iter().map(|(.., figure)| *figure).fold(f64::MIN_POSITIVE, f64::max);
        for (class, name, figure) in bars {
            let length = (LONGEST * figure / most).clamp(1.0, LONGEST);
            let (text, end) = (y + 13.0, LEFT + length + 6.0);
            let _ = writeln!(
                body,
                "<text x=\"{:.0}\" y=\"{text}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"{class}\" x=\"{LEFT}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"{:.0}\" rx=\"2\"/>\
                 <text x=\"{end:.1}\" y=\"{text}\">{}</text>",
                LEFT - 8.0,
                escaped(name),
                y + 2.0,
                BAR - 4.0,
                number(figure)
            );
            y += BAR;
        }
        y += 26.0;
    }
    let height = y - 14.0;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n{body}</svg>\n",
        escaped(bench)
    ))
}

/// The class, the name and the figure of each bar. What was not measured has none.
fn bars(row: &Row) -> Vec<(&'static str, &str, f64)> {
    let mut bars = vec![("ours", "ours", row.ours)];
    bars.extend(row.floor.map(|floor| ("floor", "floor", floor)));
    bars.extend(row.peers.iter().map(|(name, figure)| ("other", name.as_str(), *figure)));
    bars.retain(|(.., figure)| figure.is_finite());
    bars
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_figures_and_names_are_text() {
        let row = Row::against("client: a < b & c", "calls/s", &[500.0], &[1000.0]).peer("Python", 100.0);
        let svg = svg("client", &[row]).unwrap_or_default();
        for part in ["a &lt; b &amp; c, calls/s", "(more is better)", ">1,000<", ">Python<"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        let widths: Vec<&str> =
            svg.split("x=\"180\" ").skip(1).filter_map(|bar| bar.split('"').nth(3)).collect();
        assert_eq!(widths, ["220.0", "440.0", "44.0"]);
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn what_nothing_compares_with_has_no_chart() {
        assert_eq!(svg("emulator", &[Row::alone("emulator: start", "ms", &[4.0])]), None);
    }

    #[test]
    fn figures_that_are_none_have_no_bar() {
        let row = Row::against("a: b", "s", &[0.0], &[f64::NAN]).peer("large", 1e12);
        let svg = svg("a", &[row]).unwrap_or_default();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}
