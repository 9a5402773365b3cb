//! Ids with parameters, such as `me/demo/batch/{kind}`.

/// Returns true if an id has parameters.
pub(crate) fn is_template(id: &str) -> bool {
    id.contains('{')
}

/// Returns the values of the parameters if `id` matches `template`, by name. Each parameter is one segment, or the rest of
/// one after a fixed text.
pub(crate) fn match_id<'a>(template: &'a str, id: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (mut wanted, mut given) = (template.split('/'), id.split('/'));
    let mut values = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(values),
            (Some(wanted), Some(given)) => values.extend(match_segment(wanted, given)?),
            _ => return None,
        }
    }
}

/// Matches one segment. `Some(None)` is a match without a parameter.
fn match_segment<'a>(wanted: &'a str, given: &'a str) -> Option<Option<(&'a str, &'a str)>> {
    let Some((before, rest)) = wanted.split_once('{') else {
        return (wanted == given).then_some(None);
    };
    let (name, after) = rest.split_once('}')?;
    let value = given.strip_prefix(before)?.strip_suffix(after)?;
    (!value.is_empty()).then_some(Some((name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_one_segment() {
        let template = "me/demo/batch/{kind}/v{n}";
        assert_eq!(match_id(template, "me/demo/batch/a/v2"), Some(vec![("kind", "a"), ("n", "2")]));
        for other in ["me/demo/batch/a", "me/demo/batch//v2", "me/demo/batch/a/v", "me/demo/batch/a/v2/x", ""]
        {
            assert_eq!(match_id(template, other), None, "{other}");
        }
        assert_eq!(match_id("me/demo/{", "me/demo/x"), None);
    }
}
