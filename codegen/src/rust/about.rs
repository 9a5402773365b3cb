//! The sentences about the input, output and events of an endpoint, which link to its `Model`.

/// The starts of the sentences.
const STARTS: [&str; 5] =
    ["The parameters of", "A message to", "The result of", "A message from", "An event of the stream of"];

const END: &str = "`](Model).";

/// Describes the input of an endpoint.
pub(crate) fn about_input(id: &str, is_realtime: bool) -> String {
    sentence(if is_realtime { 1 } else { 0 }, id)
}

/// Describes the output of an endpoint.
pub(crate) fn about_output(id: &str, is_realtime: bool) -> String {
    sentence(if is_realtime { 3 } else { 2 }, id)
}

/// Describes an event of the stream of an endpoint.
pub(crate) fn about_event(id: &str) -> String {
    sentence(4, id)
}

fn sentence(start: usize, id: &str) -> String {
    format!("{} [`{id}{END}", STARTS[start])
}

/// Splits one of these sentences into its start and the id of the endpoint. A description from a document is no such
/// sentence, unless it is the same.
pub(crate) fn split_about(text: &str) -> Option<(&str, &str)> {
    let (start, id) = text.strip_suffix(END)?.split_once(" [`")?;
    let is_id = crate::ids::find_problem(id).is_none();
    (STARTS.contains(&start) && is_id).then_some((start, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_documents_are_told_from_those_about_endpoints() {
        let input = about_input("a/b", false);
        assert_eq!(input, "The parameters of [`a/b`](Model).");
        assert_eq!(split_about(&input), Some(("The parameters of", "a/b")));
        assert_eq!(split_about(&about_event("a/b/c")), Some(("An event of the stream of", "a/b/c")));
        for text in
            ["See [`Cat`](Model).", "<script> [`a/b`](Model).", "The result of [`a`] <b> [`c`](Model)."]
        {
            assert_eq!(split_about(text), None, "{text}");
        }
    }
}
