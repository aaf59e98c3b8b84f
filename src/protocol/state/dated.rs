//! When witnesses had seen what the catalogue rests on: each offering, withdrawal and expulsion, by the first checkpoint known
//! that covers it. It is looked up as checkpoints come, so that a question about a past day walks no log.
use super::{Fork, LogState, State};
use crate::domain::body::Body;
use crate::domain::id::{Origin, StatementId};
use crate::domain::statement::Verified;
use crate::domain::time::Timestamp;
use crate::log::cosignature::Quorum;
use crate::log::fork::ForkProof;
use crate::log::note::SignedNote;

impl LogState {
    /// What the catalogue rests on and the checkpoint of this size is the first known to cover.
    fn dated_by(&self, size: u64) -> Vec<StatementId> {
        let before = self.dated.range(..size).rev();
        let is_first = |index: u64| self.seen.first(index).is_some_and(|(first, _)| first == size);
        before.take_while(|(index, _)| is_first(**index)).map(|(_, id)| *id).collect()
    }
}

impl State {
    /// Remembers where a statement stands whose time the catalogue asks for at any later day.
    pub(super) fn note_dated(&mut self, origin: &Origin, index: u64, verified: &Verified<Body>) {
        if matches!(verified.body(), Body::Offering(_) | Body::Withdrawal(_) | Body::Expulsion(_)) {
            let log = self.log_mut(origin);
            log.dated.insert(index, verified.id());
            log.seen.lasting(index);
        }
    }

    /// Takes note of a witnessed checkpoint whose cosignatures have been checked, the newest or an earlier one.
    pub fn witnessed(&mut self, origin: &Origin, size: u64, note: SignedNote) {
        let seen = Quorum::of_checked(&note, self.registry.witnesses().1).seen_at();
        let log = self.log_mut(origin);
        let is_newest = log.witnessed.as_ref().is_none_or(|(known, _)| *known < size);
        if let Some(seconds) = seen {
            log.seen.saw(size, seconds);
            let dated = log.dated_by(size);
            self.catalogue.watched(Timestamp::from_unix_seconds(seconds));
            dated.into_iter().for_each(|id| self.date(id));
        }
        if is_newest {
            self.log_mut(origin).witnessed = Some((size, note));
            self.touched(origin, 1);
        }
    }

    /// A statement may stand in several logs: whoever saw it first tells.
    fn date(&mut self, id: StatementId) {
        let seen = self.places.of(&id).filter_map(|(origin, index)| self.logs.get(origin)?.seen_at(index));
        self.catalogue.date(id, seen.min());
    }

    /// Cuts a log: what comes after the cut leaves every view, as if it had never been there. The smallest cut known
    /// counts, so that all who have seen the same proofs show the same, whatever the order of arrival.
    pub fn cut(&mut self, proof: ForkProof, cut: u64) {
        let origin = proof.origin.clone();
        let log = self.log_mut(&origin);
        if log.cut().is_some_and(|known| known <= cut) {
            return;
        }
        log.fork = Some(Fork { proof, cut });
        log.refused.split_off(&cut);
        let dated = std::mem::take(&mut log.dated);
        let mut trust = self.trust_of(&origin);
        trust.cut(cut);
        self.put_trust(trust);
        let gone = self.places.cut(&origin, cut);
        self.take_back(&gone);
        // Witnesses of a checkpoint beyond the cut were deceived: it tells no time any more.
        dated.values().for_each(|id| self.date(*id));
        self.log_mut(&origin).dated = dated.into_iter().filter(|(index, _)| *index < cut).collect();
        self.touched(&origin, 1);
    }
}
