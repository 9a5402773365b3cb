//! How code is laid out: what fits into a line is one, and otherwise each item of a list has a line of its own.
//! All of it ends with a line feed.

/// How wide a line of code is, unless nothing of it can be broken.
const WIDTH: usize = 100;

/// A line of lists, each after what opens it: `[("f(", ["a", "b"]), (") -> X<", ["C"])]` and `>;` give
/// `f(a, b) -> X<C>;`. As long as the rest is too long for a line, its first list is broken.
pub(super) fn line<S: AsRef<str>>(indent: usize, lists: &[(&str, &[S])], end: &str) -> String {
    let mut text = String::new();
    let mut rest = lists;
    loop {
        let flat = flat(rest, end);
        let [(open, items), after @ ..] = rest else { return text + &broken(indent, &flat) };
        if fits(indent, &flat) {
            return text + &broken(indent, &flat);
        }
        text.push_str(&broken(indent, open));
        for item in *items {
            text.push_str(&broken(indent + 4, &format!("{},", item.as_ref())));
        }
        rest = after;
    }
}

/// A list that fills its lines where one is too short for it, as rustfmt lays out what is imported.
pub(super) fn filled(open: &str, items: &[&str], end: &str) -> String {
    let flat = flat(&[(open, items)], end);
    if fits(0, &flat) {
        return flat + "\n";
    }
    let mut lines = vec![String::new()];
    for item in items.iter().map(|item| format!("{item},")) {
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = item,
            Some(line) if fits(4, &format!("{line} {item}")) => *line = format!("{line} {item}"),
            _ => lines.push(item),
        }
    }
    let lines: String = lines.iter().map(|line| broken(4, line)).collect();
    format!("{open}\n{lines}{end}\n")
}

/// A block with a line for each item, each followed by a comma.
pub(super) fn block<S: AsRef<str>>(indent: usize, head: &str, items: &[S]) -> String {
    if items.is_empty() {
        return broken(indent, &format!("{head} {{}}"));
    }
    let items: String = items.iter().map(|item| broken(indent + 4, &format!("{},", item.as_ref()))).collect();
    format!("{0:indent$}{head} {{\n{items}{0:indent$}}}\n", "")
}

/// `left = right;`, in two lines where one would be too long.
pub(super) fn assignment(indent: usize, left: &str, right: &str) -> String {
    let flat = format!("{left} = {right};");
    if fits(indent, &flat) {
        return broken(indent, &flat);
    }
    broken(indent, &format!("{left} =")) + &broken(indent + 4, &format!("{right};"))
}

/// The items of a module, the members of an impl, the parts of a file: those that there are, with an empty line
/// between two.
pub(super) fn items(items: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for item in items.into_iter().filter(|item| !item.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&item);
    }
    text
}

fn fits(indent: usize, line: &str) -> bool {
    indent + line.chars().count() <= WIDTH
}

fn broken(indent: usize, line: &str) -> String {
    format!("{:indent$}{line}\n", "")
}

fn flat<S: AsRef<str>>(lists: &[(&str, &[S])], end: &str) -> String {
    let mut flat = String::new();
    for (open, items) in lists {
        flat.push_str(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                flat.push_str(", ");
            }
            flat.push_str(item.as_ref());
        }
    }
    flat + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_broken_where_the_rest_of_its_line_is_too_long() {
        let short = line(4, &[("f(", &["a", "b"]), (") -> X<", &["C"])], ">;");
        assert_eq!(short, "    f(a, b) -> X<C>;\n");
        let (long, longer) = ("a".repeat(60), "b".repeat(60));
        let half = line(0, &[("f(", &[&*long, "b"]), (") -> X<", &[&*longer])], ">;");
        assert_eq!(half, format!("f(\n    {long},\n    b,\n) -> X<{longer}>;\n"));
        let both = line(0, &[("f(", &[&*long, "b"]), (") -> X<", &[&*longer, &*longer])], ">;");
        assert_eq!(both, format!("f(\n    {long},\n    b,\n) -> X<\n    {longer},\n    {longer},\n>;\n"));
    }

    #[test]
    fn a_filled_list_has_as_many_items_in_a_line_as_fit() {
        assert_eq!(filled("use a::{", &["B", "C"], "};"), "use a::{B, C};\n");
        let (long, longer) = ("B".repeat(40), "C".repeat(60));
        let text = filled("use a::{", &[&long, "b", &longer, "d"], "};");
        assert_eq!(text, format!("use a::{{\n    {long}, b,\n    {longer}, d,\n}};\n"));
    }

    #[test]
    fn a_line_is_as_wide_as_the_limit_and_no_wider() {
        let text = "x".repeat(WIDTH - "    a = ;".len());
        assert_eq!(assignment(4, "a", &text), format!("    a = {text};\n"));
        assert_eq!(assignment(5, "a", &text), format!("     a =\n         {text};\n"));
    }
}
