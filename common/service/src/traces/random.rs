//! Chance, from the system.

/// A number below `bound`, which is not zero. It is even enough: bounds here are tiny beside 2^64.
pub(super) fn below(bound: u64) -> Result<u64, getrandom::Error> {
    Ok(getrandom::u64()? % bound)
}

/// Puts `items` into random order.
pub(super) fn shuffle<T>(items: &mut [T]) -> Result<(), getrandom::Error> {
    for last in (1..items.len()).rev() {
        let chosen = below(last as u64 + 1)?;
        items.swap(last, usize::try_from(chosen).unwrap_or(last));
    }
    Ok(())
}

/// Bytes for an id.
pub(super) fn id<const LENGTH: usize>() -> Result<Vec<u8>, getrandom::Error> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_everything_and_moves_it() {
        let sorted: Vec<u32> = (0..1_000).collect();
        let mut shuffled = sorted.clone();
        shuffle(&mut shuffled).unwrap();
        assert_ne!(shuffled, sorted);
        shuffled.sort_unstable();
        assert_eq!(shuffled, sorted);
        shuffle::<u32>(&mut []).unwrap();
    }

    #[test]
    fn every_place_can_be_drawn() {
        let mut drawn = [false; 4];
        for _ in 0..1_000 {
            drawn[usize::try_from(below(4).unwrap()).unwrap()] = true;
        }
        assert_eq!(drawn, [true; 4]);
    }
}
