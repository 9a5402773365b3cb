//! The version that a change requires, by the rules of cargo.

use semver::{Prerelease, Version, VersionReq};

use fal_codegen::manifest::Family;

use super::finding::Level;

/// Returns the version of a crate of a manifest.
pub(super) fn parse(family: &Family) -> Result<Version, String> {
    family
        .version
        .parse()
        .map_err(|error| format!("version `{}` of `{}`: {error}", family.version, family.app))
}

/// Returns true if cargo updates programs from one version to the other.
pub(super) fn is_compatible(old: &Version, new: &Version) -> bool {
    VersionReq::parse(&format!("^{old}")).is_ok_and(|requirement| requirement.matches(new))
}

/// Returns the next version. Before 1.0.0, a breaking change raises the minor version and any other change the patch
/// version; before 0.1.0, every change raises the patch version. A prerelease becomes the release that it precedes.
pub(super) fn next(version: &Version, level: Level) -> Version {
    if !version.pre.is_empty() {
        return Version { pre: Prerelease::EMPTY, ..version.clone() };
    }
    let Version { major, minor, patch, .. } = *version;
    match (level, major, minor) {
        (Level::Breaking, 1.., _) => Version::new(major + 1, 0, 0),
        (Level::Breaking, 0, 1..) | (Level::Minor, 1.., _) => Version::new(major, minor + 1, 0),
        _ => Version::new(major, minor, patch + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_updates_to_the_next_version_unless_it_breaks() {
        for (version, level, expected) in [
            ("1.2.3", Level::Breaking, "2.0.0"),
            ("1.2.3", Level::Minor, "1.3.0"),
            ("1.2.3", Level::Patch, "1.2.4"),
            ("0.1.0", Level::Breaking, "0.2.0"),
            ("0.1.0", Level::Minor, "0.1.1"),
            ("0.1.0", Level::Patch, "0.1.1"),
            ("0.0.3", Level::Breaking, "0.0.4"),
            ("0.2.0-rc.1", Level::Breaking, "0.2.0"),
        ] {
            let version = Version::parse(version).unwrap_or(Version::new(0, 0, 0));
            let next = next(&version, level);
            assert_eq!(next.to_string(), expected, "{version} {level:?}");
            if version.pre.is_empty() {
                assert_eq!(is_compatible(&version, &next), level != Level::Breaking, "{version} {level:?}");
            }
        }
    }
}
