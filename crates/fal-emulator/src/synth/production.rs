//! The media and texts by which a call is billed.

/// The media of an output, and the facts of the input, by which a call is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Production {
    /// The number of media files.
    pub(crate) files: u32,
    /// The number of values of the output.
    pub(super) values: u32,
    /// The length of all recordings together, or that of the input if there are none.
    pub(super) seconds: f64,
    pub(super) megapixels: f64,
    /// The length of the text that was read.
    pub(super) characters: f64,
}

impl Production {
    /// Returns the number of billable units, by the name of the unit.
    pub(crate) fn units(&self, unit: &str) -> f64 {
        let unit = unit.to_lowercase();
        let has = |word: &str| unit.contains(word);
        let found = if has("character") {
            self.characters / if has("1000") || has("1,000") || has("1k") { 1000.0 } else { 1.0 }
        } else if has("megapixel") {
            self.megapixels
        } else if has("minute") {
            self.seconds / 60.0
        } else if has("second") && !has("gpu") && !has("compute") {
            self.seconds
        } else {
            f64::from(self.files)
        };
        if found > 0.0 { found } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_by_their_name() {
        let made = Production { files: 2, values: 0, seconds: 30.0, megapixels: 1.5, characters: 500.0 };
        for (unit, expected) in [
            ("images", 2.0),
            ("Megapixels", 1.5),
            ("seconds", 30.0),
            ("minutes", 0.5),
            ("characters", 500.0),
            ("1000 characters", 0.5),
            ("GPU seconds", 2.0),
            ("", 2.0),
        ] {
            assert_eq!(made.units(unit), expected, "{unit}");
        }
        assert_eq!(Production::default().units("requests"), 1.0);
    }
}
