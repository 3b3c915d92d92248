//! The journal of a whole call, exported and read again: it verifies, and whatever is done to it is found at the record
//! to which it was done.

use bytes::Bytes;

use super::world::{Happening, Setting, World};
use crate::call::core::Sideband;
use crate::ids::SessionId;
use crate::transcript::export::journal::{self, Header};
use crate::transcript::verify::{Alteration, Claim, Fault, Verified, Vouched, verify};
use crate::transcript::{Entry, Hash, Kind, PublicKey, Record, Sealed, Signer, Source, chain};

/// An exported journal, read again.
#[derive(Clone)]
struct Export {
    session: SessionId,
    claim: Claim,
    records: Vec<Record>,
}

impl Export {
    /// Of a call with both sources in it.
    fn of_a_call() -> Self {
        let mut world = World::new(Setting::default());
        world.at(9_000, Happening::Socket(Sideband::Retrying));
        world.at(17_000, Happening::Socket(Sideband::Attached));
        world.run_to_end();
        let header = Header::of(world.session, &world.store.journal, "now".into(), "test");
        let text: String = journal::lines(&header, world.store.journal.clone()).collect();
        let (header, records) = journal::parse(&text).expect("an export");
        assert_eq!(records, world.store.journal);
        let from = |source| records.iter().filter(|record| record.source == source && record.text.is_some()).count();
        assert!(from(Source::Client) > 0 && from(Source::Sideband) > 0, "both tell");
        Self { session: header.session_id, claim: header.claim(), records }
    }

    fn verify(&self, trusted: &[PublicKey]) -> Result<Verified, Alteration> {
        verify(self.session, &self.records, Some(self.claim), trusted)
    }

    /// What is found after a change, by whoever trusts the right key.
    fn after(&self, change: impl FnOnce(&mut Self)) -> Option<(Option<u64>, Fault)> {
        let mut changed = self.clone();
        change(&mut changed);
        changed.verify(&[key()]).err().map(|found| (found.record, found.fault))
    }

    /// Makes the chain right again from a record on, as somebody could who writes the database.
    fn rechain(&mut self, from: usize) {
        let mut prev = from.checked_sub(1).map_or(Hash::GENESIS, |last| self.records[last].hash);
        for record in &mut self.records[from..] {
            record.hash = chain::record_hash(self.session, record.n, prev, &record.body);
            prev = record.hash;
        }
        self.claim = Claim { records: self.records.len() as u64, head: prev };
    }

    /// Replaces the seal by another one over what is there.
    fn reseal(&mut self, seal: impl FnOnce(Sealed) -> Entry) {
        self.records.pop();
        let (n, head) = self.records.last().map_or((0, Hash::GENESIS), |last| (last.n, last.hash));
        let entry = seal(Sealed { session: self.session, n, head });
        self.records.push(Record::next(self.session, n + 1, head, 1, Source::Server, &entry, None));
        self.rechain(self.records.len() - 1);
    }
}

fn key() -> PublicKey {
    Signer::from_seed(&[1; 32]).public()
}

fn with_a_space(body: &[u8]) -> Bytes {
    [body, b" "].concat().into()
}

#[test]
fn a_call_s_export_verifies_and_says_who_vouches_for_it() {
    let export = Export::of_a_call();
    let found = export.verify(&[key()]).expect("verifies");
    assert_eq!(found.records, export.records.len() as u64);
    assert_eq!((found.head, found.erased, found.unstamped), (export.claim.head, vec![], 0));
    assert_eq!(found.vouched, Vouched::Signed { key: key(), trusted: true });
    let unasked = export.verify(&[]).expect("verifies");
    assert_eq!(unasked.vouched, Vouched::Signed { key: key(), trusted: false });
    let rotated = [Signer::from_seed(&[9; 32]).public(), key()];
    assert_eq!(export.verify(&rotated).expect("verifies").vouched, Vouched::Signed { key: key(), trusted: true });
}

#[test]
fn each_altered_field_of_each_record_is_found_at_that_record() {
    let export = Export::of_a_call();
    for place in 0..export.records.len() {
        let n = place as u64 + 1;
        let is = |fault| Some((Some(n), fault));
        let after = |change: &dyn Fn(&mut Record)| export.after(|export| change(&mut export.records[place]));
        assert_eq!(after(&|record| record.body = with_a_space(&record.body)), is(Fault::Body), "{n}");
        assert_eq!(after(&|record| record.hash.0[7] ^= 1), is(Fault::Hash), "{n}");
        assert_eq!(after(&|record| record.epoch += 1), is(Fault::Epoch), "{n}");
        assert_eq!(after(&|record| record.n += 1_000), is(Fault::Missing), "{n}");
        for kind in [Kind::Turn, Kind::Gap].into_iter().filter(|kind| *kind != export.records[place].kind) {
            assert_eq!(after(&|record| record.kind = kind), is(Fault::Kind), "{n}");
        }
        for source in [Source::Sideband, Source::Client].into_iter().filter(|s| *s != export.records[place].source) {
            assert_eq!(after(&|record| record.source = source), is(Fault::Source), "{n}");
        }
        if export.records[place].text.is_some() {
            assert_eq!(after(&|record| record.text.as_mut().expect("words").push('.')), is(Fault::Text), "{n}");
            assert_eq!(after(&|record| record.salt.as_mut().expect("salt")[0] ^= 1), is(Fault::Text), "{n}");
            assert_eq!(after(&|record| record.text = None), is(Fault::Text), "{n}");
            assert_eq!(after(&|record| record.salt = None), is(Fault::Text), "{n}");
        } else {
            let added = |record: &mut Record| (record.text, record.salt) = (Some("Hired.".into()), Some([0; 16]));
            assert_eq!(after(&added), is(Fault::Text), "{n}");
        }
    }
}

#[test]
fn records_that_are_gone_moved_or_twice_are_named() {
    let export = Export::of_a_call();
    let last = export.records.len() - 1;
    for place in 0..=last {
        let number = place as u64 + 1;
        let n = Some(number);
        assert_eq!(export.after(|export| drop(export.records.remove(place))), Some((n, Fault::Missing)));
        let again = export.records[place].clone();
        let twice = if place == last { (Some(number + 1), Fault::AfterSeal) } else { (n, Fault::Order) };
        assert_eq!(export.after(|export| export.records.insert(place + 1, again)), Some(twice));
        if place < last {
            assert_eq!(export.after(|export| export.records.swap(place, place + 1)), Some((n, Fault::Order)));
        }
    }
    assert_eq!(export.after(|export| export.records.clear()), Some((Some(1), Fault::Missing)));
}

#[test]
fn a_record_replaced_with_its_hash_breaks_the_next_and_a_whole_new_chain_the_signature() {
    let export = Export::of_a_call();
    let last = export.records.len() - 1;
    for place in 0..last {
        let next = export.after(|export| {
            let prev = place.checked_sub(1).map_or(Hash::GENESIS, |before| export.records[before].hash);
            let record = &mut export.records[place];
            record.body = with_a_space(&record.body);
            record.hash = chain::record_hash(export.session, record.n, prev, &record.body);
        });
        assert_eq!(next, Some((Some(place as u64 + 2), Fault::Body)));
        let rewritten = |reseal: bool| {
            export.after(|export| {
                let record = &mut export.records[place];
                record.body = with_a_space(&record.body);
                export.rechain(place);
                if reseal {
                    let Ok(Entry::Seal { key, signature, .. }) = export.records[last].entry() else { panic!("a seal") };
                    export.reseal(|over| Entry::Seal { n: over.n, head: over.head.to_hex(), key, signature });
                }
            })
        };
        assert_eq!(rewritten(false), Some((Some(last as u64 + 1), Fault::Seal)));
        assert_eq!(rewritten(true), Some((Some(last as u64 + 1), Fault::Signature)));
    }
}

#[test]
fn another_hand_under_it_or_none_is_told_apart() {
    let export = Export::of_a_call();
    let seal = Some(export.records.len() as u64);
    let other = Signer::from_seed(&[9; 32]);
    assert_eq!(export.after(|export| export.reseal(|over| other.seal(&over))), Some((seal, Fault::Key)));
    let unsigned = |over: Sealed| Entry::Seal { n: over.n, head: over.head.to_hex(), key: None, signature: None };
    assert_eq!(export.after(|export| export.reseal(unsigned)), Some((seal, Fault::Unsigned)));
    let cut = |export: &mut Export| {
        export.records.pop();
        export.rechain(export.records.len());
        export.claim.head = export.records.last().expect("records").hash;
    };
    assert_eq!(export.after(cut), Some((seal, Fault::Unsealed)));

    // Whoever asks for no key is told what it is worth.
    let vouched = |change: &dyn Fn(&mut Export)| {
        let mut changed = export.clone();
        change(&mut changed);
        changed.verify(&[]).map(|found| found.vouched)
    };
    let claimed = Vouched::Signed { key: other.public(), trusted: false };
    assert_eq!(vouched(&|export| export.reseal(|over| other.seal(&over))), Ok(claimed));
    assert_eq!(vouched(&|export| export.reseal(unsigned)), Ok(Vouched::Unsigned));
    assert_eq!(vouched(&cut), Ok(Vouched::Unsealed));
}

#[test]
fn a_header_that_lies_is_found() {
    let export = Export::of_a_call();
    assert_eq!(export.after(|export| export.session = SessionId::fresh()), Some((None, Fault::Session)));
    assert_eq!(export.after(|export| export.claim.head.0[0] ^= 1), Some((None, Fault::Head)));
    assert_eq!(export.after(|export| export.claim.records -= 1), Some((None, Fault::Count)));
    let next = Some(export.records.len() as u64 + 1);
    assert_eq!(export.after(|export| export.claim.records += 1), Some((next, Fault::Missing)));
}

#[test]
fn what_was_erased_is_no_alteration_and_hides_none() {
    let mut export = Export::of_a_call();
    let mut erased = Vec::new();
    for record in export.records.iter_mut().filter(|record| record.text.is_some()) {
        (record.text, record.salt) = (None, None);
        erased.push(record.n);
    }
    assert!(erased.len() > 5);
    assert_eq!(export.verify(&[key()]).map(|found| found.erased), Ok(erased));
    for place in 0..export.records.len() {
        let found = export.after(|export| export.records[place].body = with_a_space(&export.records[place].body));
        assert_eq!(found, Some((Some(place as u64 + 1), Fault::Body)));
    }
}

#[test]
fn a_record_of_a_version_before_stamps_verifies_and_is_counted() {
    let session = SessionId::fresh();
    let body: &[u8] = br#"{"kind":"gap","from":1}"#;
    let hash = chain::record_hash(session, 1, Hash::GENESIS, body);
    let record = Record {
        n: 1,
        epoch: 3,
        kind: Kind::Gap,
        source: Source::Server,
        body: body.into(),
        text: None,
        salt: None,
        hash,
    };
    let found = verify(session, &[record], None, &[]).expect("verifies");
    assert_eq!((found.records, found.unstamped, found.vouched), (1, 1, Vouched::Unsealed));
}
