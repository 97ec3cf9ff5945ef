//! What stands for the birth record of a store that is being filled.

use data_encoding::HEXLOWER;

use super::super::OpenError;

/// Under this key it stands as long as the store is being filled.
pub(super) const RESTORING: &[u8] = b"restoring";

/// Whose store it will be, and which command fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// One that is moved there.
    Move {
        /// Which store.
        store_id: [u8; 16],
        /// Which command; none once it was given up.
        run: [u8; 16],
        /// The most groups of keys that any command has begun to make there.
        groups: u8,
    },
    /// One that is made from a backup by one command alone: no other has its id.
    Restore {
        /// Which store.
        store_id: [u8; 16],
    },
    /// One that an earlier release began to make from a backup.
    EarlierRestore,
}

impl Marker {
    pub(super) fn encode(self) -> Vec<u8> {
        let hex = |id: [u8; 16]| HEXLOWER.encode(&id);
        match self {
            Self::Move { store_id, run, groups } => format!("move {} {} {groups}", hex(store_id), hex(run)),
            Self::Restore { store_id } => format!("restore {}", hex(store_id)),
            Self::EarlierRestore => String::new(),
        }
        .into_bytes()
    }

    /// Nothing if a later release wrote it.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = str::from_utf8(bytes).ok()?.split(' ');
        let kind = words.next()?;
        let mut id = || HEXLOWER.decode(words.next()?.as_bytes()).ok()?.try_into().ok();
        match kind {
            "move" => {
                let (store_id, run) = (id()?, id()?);
                Some(Self::Move { store_id, run, groups: words.next()?.parse().ok()? })
            }
            "restore" => Some(Self::Restore { store_id: id()? }),
            "" => Some(Self::EarlierRestore),
            _ => None,
        }
    }

    /// Why nothing else may be made at a place where this is found.
    pub(super) fn refusal(found: &[u8], place: String) -> OpenError {
        match Self::decode(found) {
            Some(Self::Restore { .. } | Self::EarlierRestore) => OpenError::HalfRestored(place),
            Some(Self::Move { .. }) | None => OpenError::HalfMoved(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        let of_move = Marker::Move { store_id: [1; 16], run: [2; 16], groups: 3 };
        for marker in [of_move, Marker::Restore { store_id: [4; 16] }, Marker::EarlierRestore] {
            assert_eq!(Marker::decode(&marker.encode()), Some(marker));
        }
        assert_eq!(Marker::decode(b"replicate 00"), None);
        assert_eq!(Marker::decode(b"move 01 02 3"), None);
    }
}
