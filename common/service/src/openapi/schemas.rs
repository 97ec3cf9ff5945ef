use farthing_api::Problem;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Where a document has the schemas that several operations name.
const PLACE: &str = "/components/schemas";

/// The schemas that a document collects: of what the service takes, and of what it answers. What is written is narrower than
/// what is read, so a type is one or the other.
pub(super) struct Schemas {
    pub(super) taken: SchemaGenerator,
    pub(super) answered: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = PLACE.into();
                settings.meta_schema = None;
            })
        };
        Self {
            taken: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }

    /// The schema of every problem.
    pub(super) fn problem(&mut self) -> Schema {
        self.answered.subschema_for::<Problem>()
    }

    /// All that were named, by their names.
    pub(super) fn collected(mut self) -> Map<String, Value> {
        let mut schemas = self.taken.take_definitions(false);
        schemas.extend(self.answered.take_definitions(false));
        schemas
    }
}
