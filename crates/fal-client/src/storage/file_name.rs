//! Names of files that are safe on every system.

/// The largest length of a name in bytes. File systems take 255, and a number and extensions are appended.
const MAX_NAME: usize = 100;

/// Replaces the characters of a name that could lead to another folder, on any system.
pub(super) fn sanitize(name: &str) -> String {
    let sanitize =
        |letter: char| if letter.is_alphanumeric() || "-_. ,+=@()".contains(letter) { letter } else { '_' };
    let name: String = name.chars().map(sanitize).take(MAX_NAME).collect();
    let mut name = name.trim_matches(['.', ' ']).to_owned();
    while name.len() > MAX_NAME {
        name.pop();
    }
    if name.is_empty() {
        "file".to_owned()
    } else if is_device(&name) {
        format!("_{name}")
    } else {
        name
    }
}

/// Returns true if Windows takes a file of this name, with any extension, for a device.
pub(super) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_numbered = |prefix: &str| {
        let number = stem.strip_prefix(prefix).and_then(|rest| {
            let mut letters = rest.chars();
            letters.next().filter(|_| letters.next().is_none())
        });
        number.is_some_and(|number| number.is_ascii_digit() || "¹²³".contains(number))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN_" | "CONOUT_" | "CONIN$" | "CONOUT$")
        || is_numbered("COM")
        || is_numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, expected) in [
            ("images-0", "images-0"),
            ("řeč", "řeč"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "file"),
            ("", "file"),
            (".hidden", "hidden"),
            ("a\\b:c\u{0}", "a_b_c_"),
            ("a b.", "a b"),
            ("an owl, wise (2).png", "an owl, wise (2).png"),
            ("CON", "_CON"),
            ("con.png", "_con.png"),
            ("nul ", "_nul"),
            ("lpt1.tar.gz", "_lpt1.tar.gz"),
            ("COM¹", "_COM¹"),
            ("CONIN$", "_CONIN_"),
            ("console", "console"),
            ("com12", "com12"),
            ("auxiliary", "auxiliary"),
        ] {
            assert_eq!(sanitize(name), expected);
        }
        assert!(sanitize(&"ž".repeat(500)).len() <= MAX_NAME);
    }
}
