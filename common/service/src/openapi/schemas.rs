use std::collections::BTreeSet;

use farthing_api::{Problem, ProblemKind};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::wording::without_links;

/// Where a document has the schemas that several operations name.
const PLACE: &str = "/components/schemas";

/// The components that a document collects: schemas of what the service takes and of what it answers, and the problems among
/// its answers. What is written is narrower than what is read, so a type is one or the other.
pub(super) struct Schemas {
    pub(super) taken: SchemaGenerator,
    pub(super) answered: SchemaGenerator,
    problems: BTreeSet<&'static str>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = PLACE.into();
                settings.meta_schema = None;
            })
        };
        let settings = || settings().with_transform(RecursiveTransform(without_code_links));
        let answered = settings().for_serialize().with_transform(RecursiveTransform(absent_instead_of_null));
        Self {
            taken: settings().for_deserialize().into_generator(),
            answered: answered.into_generator(),
            problems: BTreeSet::new(),
        }
    }

    /// The schema of every problem.
    pub(super) fn problem(&mut self) -> Schema {
        self.answered.subschema_for::<Problem>()
    }

    /// Names an example of a problem.
    pub(super) fn problem_example(&mut self, kind: ProblemKind) -> Value {
        self.problems.insert(kind.slug());
        json!({ "$ref": format!("#/components/examples/{}", kind.slug()) })
    }

    /// The Components Object of all that were named, without what does not belong to schemas.
    pub(super) fn collected(mut self) -> Value {
        let mut schemas = self.taken.take_definitions(true);
        schemas.extend(self.answered.take_definitions(true));
        let named = ProblemKind::ALL.iter().filter(|kind| self.problems.contains(kind.slug()));
        let examples = named.map(|kind| (kind.slug().to_owned(), json!({ "value": problem(*kind) })));
        json!({ "schemas": schemas, "examples": examples.collect::<Map<_, _>>() })
    }
}

/// An example of a problem.
pub(super) fn problem(kind: ProblemKind) -> Problem {
    Problem::new(kind, "What was wrong in this request, and what to do about it.")
}

/// Descriptions are the types' doc comments, which link to each other.
fn without_code_links(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = without_links(description);
    }
}

/// An optional member that we write is left out where there is nothing to say.
fn absent_instead_of_null(schema: &mut Schema) {
    let required: BTreeSet<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default();
    let Some(Value::Object(members)) = schema.get_mut("properties") else { return };
    for (_, member) in members.iter_mut().filter(|(name, _)| !required.contains(*name)) {
        if let Some(Value::Array(kinds)) = member.get_mut("type") {
            kinds.retain(|kind| kind != "null");
            if let [only] = &kinds[..] {
                member["type"] = only.clone();
            }
        }
        let null = json!({ "type": "null" });
        if let Some(Value::Array(choices)) = member.get_mut("anyOf") {
            choices.retain(|choice| *choice != null);
        }
    }
}
