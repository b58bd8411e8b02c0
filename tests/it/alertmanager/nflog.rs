//! Alertmanager's log of notifications as it lies on the disk: what it will still know after a kill.
//!
//! Invariant: a file of another shape is a failed test, never an empty log.

use std::collections::BTreeMap;

use autoswe_exporter::observation::Time;

/// A field of a protobuf message: its number, and its value.
type Field<'a> = (u64, Value<'a>);

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn number(self) -> u64 {
        let Value::Number(number) = self else { panic!("the log of notifications has another shape") };
        number
    }

    fn bytes(self) -> &'a [u8] {
        let Value::Bytes(bytes) = self else { panic!("the log of notifications has another shape") };
        bytes
    }
}

/// When each group was last told something, by the group's key. The file is a row of `MeshEntry` messages
/// (`nflog/nflogpb/nflog.proto`), each behind its length.
pub(super) fn logged(mut file: &[u8]) -> BTreeMap<String, Time> {
    let mut groups = BTreeMap::new();
    while !file.is_empty() {
        let length = varint(&mut file);
        let entry = take(&fields(cut(&mut file, length)), 1).bytes();
        let entry = fields(entry);
        let key = String::from_utf8(take(&entry, 1).bytes().to_vec()).unwrap();
        groups.insert(key, time(take(&entry, 5).bytes()));
    }
    groups
}

/// A `google.protobuf.Timestamp`.
fn time(message: &[u8]) -> Time {
    let fields = fields(message);
    let of = |number: u64| fields.iter().find(|(own, _)| *own == number).map_or(0, |(_, value)| value.number());
    Time::new(i64::try_from(of(1)).unwrap(), i32::try_from(of(2)).unwrap()).unwrap()
}

fn take<'a>(fields: &[Field<'a>], number: u64) -> Value<'a> {
    let field = fields.iter().find(|(own, _)| *own == number);
    field.unwrap_or_else(|| panic!("the log of notifications lacks field {number}")).1
}

fn fields(mut message: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)),
            2 => {
                let length = varint(&mut message);
                Value::Bytes(cut(&mut message, length))
            }
            kind => panic!("the log of notifications has a field of type {kind}"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().expect("the log of notifications is whole");
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return number;
        }
    }
    panic!("the log of notifications has a number of more than 64 bits")
}

fn cut<'a>(bytes: &mut &'a [u8], length: u64) -> &'a [u8] {
    let (first, rest) = bytes.split_at(usize::try_from(length).unwrap());
    *bytes = rest;
    first
}
