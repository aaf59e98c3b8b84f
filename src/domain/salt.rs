//! What hides the hash of a confidential document.
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::id::from_hex;

/// Random bytes that keep the hash of a confidential document from being guessed; 16, where nothing else is said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt<const N: usize = 16>(pub [u8; N]);

impl<const N: usize> fmt::Debug for Salt<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("salt")
    }
}

impl<const N: usize> Serialize for Salt<N> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Salt<N> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("{} lower-case hexadecimal digits expected", 2 * N));
        from_hex(&text).map(Self).ok_or_else(wrong)
    }
}
