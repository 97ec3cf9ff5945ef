//! What has changed in a configuration file since it was read, and whether that can change while the service runs.

/// The keys whose values differ between two readings of a file, as `limits.requests_burst`. Names only: a value may be
/// nobody's business.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Those that are put in force while the service runs.
    pub running: Vec<String>,
    /// Those that are read at the start alone.
    pub restart: Vec<String>,
}

/// The keys of a file or of one of its tables. Implemented by [`sort_keys`](crate::sort_keys) alone, which does not let
/// a key be forgotten.
pub trait Compare {
    /// Adds the keys that differ in `new`; their names begin with `prefix`.
    fn compare(&self, new: &Self, prefix: &str, differences: &mut Differences);

    /// The keys that differ in `new`.
    fn differences(&self, new: &Self) -> Differences {
        let mut differences = Differences::default();
        self.compare(new, "", &mut differences);
        differences
    }
}

/// Implements [`Compare`](crate::differences::Compare) for a struct whose fields are named like the keys of the file.
/// Each field is in one of the three lists, or it does not compile: what can change while the service runs, what needs
/// a restart, and tables that have lists of their own.
#[macro_export]
macro_rules! sort_keys {
    ($keys:ty {
        running: [$($running:ident),* $(,)?],
        restart: [$($restart:ident),* $(,)?],
        tables: [$($table:ident),* $(,)?] $(,)?
    }) => {
        impl $crate::differences::Compare for $keys {
            fn compare(
                &self,
                new: &Self,
                prefix: &str,
                differences: &mut $crate::differences::Differences,
            ) {
                let Self { $($running,)* $($restart,)* $($table,)* } = self;
                $(if *$running != new.$running {
                    differences.running.push(format!("{prefix}{}", stringify!($running)));
                })*
                $(if *$restart != new.$restart {
                    differences.restart.push(format!("{prefix}{}", stringify!($restart)));
                })*
                $({
                    let prefix = format!("{prefix}{}.", stringify!($table));
                    $crate::differences::Compare::compare($table, &new.$table, &prefix, differences);
                })*
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct File {
        listen: u16,
        level: &'static str,
        limits: Table,
    }

    #[derive(Clone, Copy)]
    struct Table {
        burst: u32,
        connections: u32,
    }

    sort_keys!(File { running: [level], restart: [listen], tables: [limits] });
    sort_keys!(Table { running: [burst], restart: [connections], tables: [] });

    #[test]
    fn keys_are_named_with_their_tables_and_sorted() {
        let file = File { listen: 1, level: "info", limits: Table { burst: 2, connections: 3 } };
        assert_eq!(file.differences(&file), Differences::default());
        let other = File { listen: 9, level: "warn", limits: Table { burst: 9, connections: 9 } };
        let differences = file.differences(&other);
        assert_eq!(differences.running, ["level", "limits.burst"]);
        assert_eq!(differences.restart, ["listen", "limits.connections"]);
        let other = File { limits: Table { connections: 9, ..file.limits }, ..file };
        let differences = file.differences(&other);
        assert_eq!(
            (differences.running.len(), differences.restart),
            (0, vec!["limits.connections".to_owned()])
        );
    }
}
