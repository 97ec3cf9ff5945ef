use std::fmt;

use farthing_protocol::Currency;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Number, Value};

/// Rows of values under the names of their columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// A value of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words of people, ids, days.
    Text(String),
    /// A whole number.
    Number(Number),
    /// An amount in the currency's unit, exactly, as `12.34`. JSON has it as a text, so that no reader rounds it.
    Decimal(String),
    /// Nothing.
    None,
}

impl Cell {
    /// A text of anything that has one.
    pub fn text(value: impl fmt::Display + Copy) -> Self {
        Self::Text(value.to_string())
    }

    /// An amount twice: in the currency's unit, and in millionths of it.
    pub fn amount(currency: Currency, micros: i64) -> [Self; 2] {
        [Self::Decimal(currency.decimal(micros.into(), '.')), Self::Number(micros.into())]
    }

    /// As CSV has it. A spreadsheet takes what begins with one of some signs for a formula, so in front of a text that does
    /// an apostrophe tells it that it is none; and after each semicolon too, since in some countries that ends a cell.
    fn in_csv(&self) -> String {
        let begins_formula = |text: &str| {
            text.trim_start_matches([' ', '"'])
                .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r'])
        };
        match self {
            Self::Text(text) => {
                let parts = text.split(';');
                let parts =
                    parts.map(|part| if begins_formula(part) { format!("'{part}") } else { part.to_owned() });
                parts.collect::<Vec<_>>().join(";")
            }
            Self::Decimal(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::None => String::new(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) | Self::Decimal(text) => serializer.serialize_str(text),
            Self::Number(number) => number.serialize(serializer),
            Self::None => serializer.serialize_none(),
        }
    }
}

impl Table {
    /// One without rows.
    pub fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a value for each column.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Adds the rows of a table that lacks the first columns, where each gets these values.
    pub fn append(&mut self, first: &[Cell], rest: Self) {
        for row in rest.rows {
            self.push([first, &row].concat());
        }
    }

    /// As RFC 4180 has it: a header, lines that end with CR LF, quotes where they are needed.
    ///
    /// # Errors
    /// None that a table in memory could have.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::in_csv))?;
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        String::from_utf8(bytes).map_err(|error| csv::Error::from(std::io::Error::other(error)))
    }

    /// The rows, each as an object with the columns' names.
    pub fn objects(&self) -> Vec<Value> {
        let object = |row: &Vec<Cell>| {
            let members = self.columns.iter().zip(row);
            members.map(|(name, cell)| ((*name).to_owned(), serde_json::json!(cell))).collect()
        };
        self.rows.iter().map(object).map(Value::Object).collect()
    }
}

impl Serialize for Table {
    /// A list of objects, whose members are in the columns' order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.rows.len()))?;
        for row in &self.rows {
            list.serialize_element(&Object { columns: &self.columns, row })?;
        }
        list.end()
    }
}

struct Object<'a> {
    columns: &'a [&'static str],
    row: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.columns.len()))?;
        for (name, cell) in self.columns.iter().zip(self.row) {
            object.serialize_entry(name, cell)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_table_is_csv_and_json() {
        let mut table = Table::new(&["name", "amount", "micros", "note"]);
        let [amount, micros] = Cell::amount("EUR".parse().unwrap(), -1_230_000);
        table.push(vec![Cell::text("Penny, \"Daily\""), amount, micros, Cell::None]);
        assert_eq!(
            table.csv().unwrap(),
            "name,amount,micros,note\r\n\"Penny, \"\"Daily\"\"\",-1.23,-1230000,\r\n"
        );
        let json = r#"[{"name":"Penny, \"Daily\"","amount":"-1.23","micros":-1230000,"note":null}]"#;
        assert_eq!(serde_json::to_string(&table).unwrap(), json);
        assert_eq!(Value::Array(table.objects()), serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(Table::new(&["a", "b"]).csv().unwrap(), "a,b\r\n");
    }

    #[test]
    fn no_text_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(Cell::text(text).in_csv(), format!("'{text}"));
        }
        assert_eq!(Cell::text("a=1").in_csv(), "a=1");
        // As a spreadsheet reads it where lists are separated by semicolons.
        assert_eq!(Cell::text("Daily;=A1; \"+2;b").in_csv(), "Daily;'=A1;' \"+2;b");
    }

    proptest! {
        #[test]
        fn every_reader_of_csv_reads_the_same(texts in proptest::collection::vec("\\PC{0,12}", 2..6)) {
            let quoting = |text: &str| Cell::Text(format!("{text}\n\"{text}\""));
            let mut table = Table::new(&["one", "two"]);
            for text in &texts {
                table.push(vec![Cell::text(text), quoting(text)]);
            }
            let csv = table.csv().unwrap();
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let read: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), texts.len());
            for (text, record) in texts.iter().zip(&read) {
                prop_assert_eq!(record.get(0).unwrap(), Cell::text(text).in_csv());
                prop_assert_eq!(record.get(1).unwrap(), quoting(text).in_csv());
            }
        }
    }
}
