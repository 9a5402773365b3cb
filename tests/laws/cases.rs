//! Everything that one endpoint is asked.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    compare::Side,
    documents::Document,
    instances::{Fill, Generator},
    mutate::{Edit, edits, news},
    random::Random,
    schema::Schema,
    vectors::vectors,
};

/// Valid inputs, and invalid inputs, an endpoint.
pub(crate) const INPUTS: usize = 200;

/// Valid outputs an endpoint, and as many with news in them.
pub(crate) const OUTPUTS: usize = 50;

/// After this many draws an endpoint has no more to offer.
const MAX_DRAWS: usize = 20;

/// One instance, and what must become of it.
pub(crate) struct Case {
    pub(crate) side: Side,
    /// How it was made.
    pub(crate) kind: &'static str,
    /// Where it was changed.
    pub(crate) pointer: String,
    pub(crate) instance: Value,
    /// Whether it must be accepted.
    pub(crate) valid: bool,
}

/// What was made, counted.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) list: Vec<Case>,
    /// Generated instances that turned out invalid and were not used.
    pub(crate) misses: usize,
    /// Examples and defaults that their own schema refuses.
    pub(crate) refused: usize,
    /// Examples and defaults that could not be tried.
    pub(crate) missed: usize,
}

/// The cases of a document, always the same ones.
pub(crate) fn cases(document: &Document) -> Cases {
    let mut cases = Cases::default();
    let Some((input, output)) = &document.schemas else { return cases };
    let mut random = Random::named(&document.id);
    cases.inputs(input, &mut random);
    for (side, schema) in [(Side::Input, input), (Side::Output, output)] {
        let found = vectors(schema, &mut random);
        cases.refused += found.refused;
        cases.missed += found.missed;
        if found.missed > 0 {
            eprintln!("MISSED {} {:?} {}", document.id, side, found.missed);
        }
        cases.list.extend(found.placed.into_iter().map(|vector| Case {
            side,
            kind: vector.kind,
            pointer: vector.pointer,
            instance: vector.instance,
            valid: true,
        }));
    }
    cases.outputs(output, &mut random);
    cases
}

impl Cases {
    /// A valid instance; `None` if none was found.
    fn draw(&mut self, schema: &Schema, fill: Fill, random: &mut Random) -> Option<Value> {
        for _ in 0..MAX_DRAWS {
            let instance = Generator { random, fill }.instance(&schema.tree);
            if schema.accepts(&instance) {
                return Some(instance);
            }
            self.misses += 1;
        }
        None
    }

    fn push(&mut self, side: Side, kind: &'static str, pointer: &str, instance: Value, valid: bool) {
        self.list.push(Case { side, kind, pointer: pointer.to_owned(), instance, valid });
    }

    fn inputs(&mut self, schema: &Schema, random: &mut Random) {
        for index in 0..INPUTS {
            let fill = match index {
                0..10 => Fill::Required,
                10..30 => Fill::Full,
                _ => Fill::Some,
            };
            if let Some(instance) = self.draw(schema, fill, random) {
                self.push(Side::Input, "generated", "", instance, true);
            }
        }
        // First every mistake that there is a place for, then the kinds by turns: otherwise most
        // mistakes would be wrong types, which every place can have.
        let mut invalid = 0;
        for index in 0..INPUTS {
            let fill = if index % 2 == 0 { Fill::Full } else { Fill::Some };
            let Some(instance) = self.draw(schema, fill, random) else { return };
            let mut edits = edits(&schema.tree, &instance, random);
            random.shuffle(&mut edits);
            if index == 0 {
                edits.truncate(INPUTS / 2);
            } else {
                edits = by_turns(edits);
                edits.truncate(INPUTS / 10);
            }
            for edit in edits {
                let changed = edit.apply(&instance);
                let valid = schema.accepts(&changed);
                if !valid && invalid == INPUTS {
                    return;
                }
                invalid += usize::from(!valid);
                self.push(Side::Input, edit.kind, &edit.pointer, changed, valid);
            }
        }
    }

    fn outputs(&mut self, schema: &Schema, random: &mut Random) {
        let mut fresh = 0;
        for index in 0..OUTPUTS {
            let fill = match index {
                0..5 => Fill::Required,
                5..20 => Fill::Full,
                _ => Fill::Some,
            };
            let Some(instance) = self.draw(schema, fill, random) else { return };
            let mut news = news(&schema.tree, &instance);
            random.shuffle(&mut news);
            for edit in news.into_iter().take(6) {
                if fresh < OUTPUTS {
                    self.push(Side::Output, edit.kind, &edit.pointer, edit.apply(&instance), true);
                    fresh += 1;
                }
            }
            self.push(Side::Output, "generated", "", instance, true);
        }
    }
}

/// One edit of each kind, then another one of each, and so on.
fn by_turns(edits: Vec<Edit>) -> Vec<Edit> {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut edits: Vec<(usize, Edit)> = edits
        .into_iter()
        .map(|edit| {
            let turn = turns.entry(edit.kind).or_default();
            *turn += 1;
            (*turn, edit)
        })
        .collect();
    edits.sort_by_key(|(turn, _)| *turn);
    edits.into_iter().map(|(_, edit)| edit).collect()
}
