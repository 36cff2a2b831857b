//! The hash that requests and endpoints are placed by.
//!
//! Invariant: the same bytes give the same number in every process and every release, so that
//! replicas of the gateway agree.
//!
//! Deliberately absent: secrecy. Who chooses colliding keys chooses one endpoint, which a cookie or
//! a header lets everybody do anyway.

/// FNV-1a, whose bits are then mixed: FNV alone hardly moves the upper ones, which a ring looks at.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream) struct Hash(u64);

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

impl Default for Hash {
    fn default() -> Self {
        Self(FNV_BASIS)
    }
}

impl Hash {
    pub(in crate::upstream) fn with(self, bytes: &[u8]) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        Self(bytes.iter().fold(self.0, step))
    }

    /// Mixed by the last steps of MurmurHash3.
    pub(in crate::upstream) fn finish(self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        mixed ^ (mixed >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are() {
        let hash = |text: &str| Hash::default().with(text.as_bytes()).finish();
        assert_eq!(hash(""), 0xefd0_1f60_ba99_2926);
        assert_eq!(hash("session"), hash("session"));
        assert_ne!(hash("session"), hash("sessions"));
    }

    #[test]
    fn one_bit_changes_half_of_them() {
        let hash = |n: u64| Hash::default().with(&n.to_le_bytes()).finish();
        let flips: u32 = (0..1000)
            .map(|n| (hash(2 * n) ^ hash(2 * n + 1)).count_ones())
            .sum();
        assert!((31_000..33_000).contains(&flips), "{flips}");
    }
}
