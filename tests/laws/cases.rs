//! The cases of one endpoint: instances of its input and output, each with the verdict of its schema.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    compare::Direction,
    documents::Document,
    examples::examples,
    instances::{Fill, Generator},
    mutate::{Edit, additions, edits},
    random::Random,
    schema::Schema,
};

/// The number of cases for each endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amounts {
    /// The number of valid inputs, and of invalid inputs.
    pub(crate) inputs: usize,
    /// The number of valid outputs, and of outputs with additions.
    pub(crate) outputs: usize,
}

/// The number of cases for each published document.
pub(crate) const PUBLISHED: Amounts = Amounts { inputs: 200, outputs: 50 };

/// The number of generated instances after which the search for a valid one is given up.
const MAX_DRAWS: usize = 20;

/// The number of properties that are removed from an instance to make it valid.
const MAX_REMOVED: usize = 4;

/// One instance and its expected verdict.
pub(crate) struct Case {
    pub(crate) direction: Direction,
    /// The way it was made, such as `generated` or the name of a mistake.
    pub(crate) kind: &'static str,
    /// JSON pointer to the change.
    pub(crate) pointer: String,
    pub(crate) instance: Value,
    /// `true` if the type must accept it.
    pub(crate) valid: bool,
}

/// The cases of one endpoint, and counts of instances that could not be used.
#[derive(Default)]
pub(crate) struct Cases {
    pub(crate) list: Vec<Case>,
    /// Generated instances that were invalid and therefore discarded.
    pub(crate) discarded: usize,
    /// Examples and defaults that their own schema refuses.
    pub(crate) invalid_examples: usize,
    /// Examples and defaults for which no instance has a place.
    pub(crate) unplaced_examples: usize,
}

/// Makes the cases of a document. The same document always has the same cases.
pub(crate) fn cases(document: &Document, amounts: Amounts) -> Cases {
    let mut cases = Cases::default();
    let Some((input, output)) = &document.schemas else { return cases };
    let mut random = Random::named(&document.id);
    cases.inputs(input, amounts.inputs, &mut random);
    for (direction, schema) in [(Direction::Input, input), (Direction::Output, output)] {
        let found = examples(schema, &mut random);
        cases.invalid_examples += found.invalid;
        cases.unplaced_examples += found.unplaced;
        if found.unplaced > 0 {
            eprintln!("{}, {direction:?}: no place for {} examples", document.id, found.unplaced);
        }
        cases.list.extend(found.placed.into_iter().map(|example| Case {
            direction,
            kind: example.kind,
            pointer: example.pointer,
            instance: example.instance,
            valid: true,
        }));
    }
    cases.outputs(output, amounts.outputs, &mut random);
    cases
}

impl Cases {
    /// Generates a valid instance. `None` if none is found.
    fn draw(&mut self, schema: &Schema, fill: Fill, random: &mut Random) -> Option<Value> {
        for draw in 0..MAX_DRAWS {
            // A rule may ask for more than the required properties.
            let fill = if draw < MAX_DRAWS / 2 { fill } else { Fill::Some };
            let instance = Generator { random, fill }.instance(&schema.tree);
            if let Some(instance) = fit(schema, instance, random) {
                return Some(instance);
            }
            self.discarded += 1;
        }
        None
    }

    fn push(
        &mut self,
        direction: Direction,
        kind: &'static str,
        pointer: &str,
        instance: Value,
        valid: bool,
    ) {
        self.list.push(Case { direction, kind, pointer: pointer.to_owned(), instance, valid });
    }

    fn inputs(&mut self, schema: &Schema, amount: usize, random: &mut Random) {
        for index in 0..amount {
            let fill = match index {
                0..10 => Fill::Required,
                10..30 => Fill::Full,
                _ => Fill::Some,
            };
            if let Some(instance) = self.draw(schema, fill, random) {
                self.push(Direction::Input, "generated", "", instance, true);
            }
        }
        // The first instance gets mistakes at all places, the others one kind after the other. Otherwise most mistakes
        // would be wrong types, which are possible everywhere.
        let mut invalid = 0;
        for index in 0..amount {
            let fill = if index % 2 == 0 { Fill::Full } else { Fill::Some };
            let Some(instance) = self.draw(schema, fill, random) else { return };
            let mut edits = edits(&schema.tree, &instance, random);
            random.shuffle(&mut edits);
            if index == 0 {
                edits.truncate(amount / 2);
            } else {
                edits = interleave_kinds(edits);
                edits.truncate(amount / 10);
            }
            for edit in edits {
                let changed = edit.apply(&instance);
                let valid = schema.accepts(&changed);
                if !valid && invalid == amount {
                    return;
                }
                invalid += usize::from(!valid);
                self.push(Direction::Input, edit.kind, &edit.pointer, changed, valid);
            }
        }
    }

    fn outputs(&mut self, schema: &Schema, amount: usize, random: &mut Random) {
        let mut count = 0;
        for index in 0..amount {
            let fill = match index {
                0..5 => Fill::Required,
                5..20 => Fill::Full,
                _ => Fill::Some,
            };
            let Some(instance) = self.draw(schema, fill, random) else { return };
            let mut additions = additions(&schema.tree, &instance);
            random.shuffle(&mut additions);
            for edit in additions.into_iter().take(6) {
                if count < amount {
                    self.push(Direction::Output, edit.kind, &edit.pointer, edit.apply(&instance), true);
                    count += 1;
                }
            }
            self.push(Direction::Output, "generated", "", instance, true);
        }
    }
}

/// Returns an instance that the schema accepts, without the properties that must not be given together.
pub(crate) fn fit(schema: &Schema, mut instance: Value, random: &mut Random) -> Option<Value> {
    for _ in 0..MAX_REMOVED {
        if schema.accepts(&instance) {
            return Some(instance);
        }
        let mut names: Vec<String> = instance.as_object()?.keys().cloned().collect();
        random.shuffle(&mut names);
        let fitting = names.iter().map(|name| without(&instance, name)).find(|one| schema.accepts(one));
        if fitting.is_some() {
            return fitting;
        }
        instance = without(&instance, names.first()?);
    }
    None
}

fn without(instance: &Value, name: &str) -> Value {
    let mut instance = instance.clone();
    instance.as_object_mut().and_then(|object| object.remove(name));
    instance
}

/// Reorders edits: one of each kind, then a second one of each kind, and so on.
fn interleave_kinds(edits: Vec<Edit>) -> Vec<Edit> {
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
