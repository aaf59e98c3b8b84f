//! Values by number: what recurs in a million rows is held once, and a row keeps its number.
use rpds::RedBlackTreeMapSync;

/// Values in the order in which they were first seen. Clones share them.
#[derive(Clone, Debug)]
pub struct Numbered<T: Ord> {
    numbers: RedBlackTreeMapSync<T, u32>,
    values: RedBlackTreeMapSync<u32, T>,
    /// The number asked for last: what recurs often does so in a row.
    last: u32,
}

impl<T: Ord> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: RedBlackTreeMapSync::new_sync(), values: RedBlackTreeMapSync::new_sync(), last: 0 }
    }
}

impl<T: Clone + Ord> Numbered<T> {
    /// The number of a value, which gets one if it has none.
    pub fn number(&mut self, value: &T) -> u32 {
        if self.value(self.last) == Some(value) {
            return self.last;
        }
        if let Some(number) = self.known(value) {
            self.last = number;
            return number;
        }
        // Whoever holds that many values has run out of memory before.
        let number = u32::try_from(self.values.size()).unwrap_or(u32::MAX);
        self.values.insert_mut(number, value.clone());
        self.numbers.insert_mut(value.clone(), number);
        self.last = number;
        number
    }

    /// The number of a value that has one.
    pub fn known(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    /// The value of a number.
    pub fn value(&self, number: u32) -> Option<&T> {
        self.values.get(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_number() {
        let mut numbered = Numbered::default();
        assert_eq!([5, 3, 3, 5, 5].map(|value| numbered.number(&value)), [0, 1, 1, 0, 0]);
        assert_eq!((numbered.value(1), numbered.value(2)), (Some(&3), None));
        assert_eq!((numbered.known(&3), numbered.known(&4)), (Some(1), None));
    }
}
