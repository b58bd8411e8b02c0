//! Server-sent events: from bytes as they come to whole events.
//!
//! Invariant: pure; an event is given only once the empty line after it has come, so that none is cut; what is held
//! between two pieces is one event at most.

use memchr::memchr2;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// Its data, lines joined by line feeds.
    Data(Vec<u8>),
    /// The data of one that is called an error.
    Error(Vec<u8>),
}

/// Cuts a stream into events (HTML Living Standard, section 9.2.6).
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    is_error: bool,
    after_return: bool,
    has_begun: bool,
}

impl Events {
    /// Takes the next bytes and gives `take` each event that ends in them, until that says `false`.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Event) -> bool) {
        let mut rest = bytes;
        if std::mem::take(&mut self.after_return) && rest.first() == Some(&b'\n') {
            rest = &rest[1..];
        }
        while let Some(at) = memchr2(b'\r', b'\n', rest) {
            self.line.extend_from_slice(&rest[..at]);
            let is_return = rest[at] == b'\r';
            rest = &rest[at + 1..];
            if is_return {
                // The line feed of this line end may come with the next piece.
                self.after_return = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            if let Some(event) = self.end_line()
                && !take(event)
            {
                return;
            }
        }
        self.line.extend_from_slice(rest);
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.line.len() + self.data.as_ref().map_or(0, Vec::len)
    }

    /// The beginning of what is held.
    pub(super) fn rest(&self) -> &[u8] {
        self.data.as_deref().unwrap_or(&self.line)
    }

    fn end_line(&mut self) -> Option<Event> {
        let mut line = self.line.as_slice();
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
        }
        if line.is_empty() {
            self.line.clear();
            let is_error = std::mem::take(&mut self.is_error);
            return self.data.take().map(|data| if is_error { Event::Error(data) } else { Event::Data(data) });
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.is_error = value == b"error",
            b"data" | b"error" => {
                // llama.cpp has called the whole field so.
                self.is_error |= field == b"error";
                match &mut self.data {
                    Some(data) => data.extend([b"\n", value].concat()),
                    None => self.data = Some(value.to_vec()),
                }
            }
            _ => {}
        }
        self.line.clear();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut events, mut stream) = (Vec::new(), Events::default());
        for piece in pieces {
            stream.push(piece, |event| {
                events.push(event);
                true
            });
        }
        events
    }

    fn data(text: &str) -> Event {
        Event::Data(text.into())
    }

    #[test]
    fn events_are_read_in_each_form_that_the_standard_allows() {
        assert_eq!(events(&[b"data: a\n\ndata:b\n\n"]), [data("a"), data("b")]);
        assert_eq!(events(&[b"\xef\xbb\xbfdata: a\r\rdata: b\r\n\r\n"]), [data("a"), data("b")]);
        assert_eq!(events(&[b": comment\nid: 1\nretry: 5\ndata: a\ndata:  b\ndata\n\n\n\n"]), [data("a\n b\n")]);
        assert_eq!(
            events(&[b"event: error\ndata: a\n\nevent: message\ndata: b\n\n"]),
            [Event::Error(b"a".into()), data("b")]
        );
        assert_eq!(events(&[b"error: {}\n\n"]), [Event::Error(b"{}".into())]);
    }

    #[test]
    fn a_stream_may_come_in_any_pieces_and_its_cut_end_is_no_event() {
        let stream = "data: gr\u{fc}n\r\n\r\n: x\r\ndata: b\r\n\r\ndata: cut\r\n";
        let whole = events(&[stream.as_bytes()]);
        assert_eq!(whole, [data("grün"), data("b")]);
        for at in 0..=stream.len() {
            let (one, two) = stream.as_bytes().split_at(at);
            assert_eq!(events(&[one, two]), whole, "cut at {at}");
        }
        let single: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        assert_eq!(events(&single), whole);
    }

    #[test]
    fn after_no_more_is_wanted_none_comes_and_little_is_held() {
        let mut count = 0;
        let mut stream = Events::default();
        stream.push(b"data: a\n\ndata: b\n\n", |_| {
            count += 1;
            false
        });
        assert_eq!(count, 1);
        let mut stream = Events::default();
        for _ in 0..10_000 {
            stream.push(b": nothing\ndata: a\n\n", |_| true);
            assert_eq!(stream.held(), 0);
        }
        stream.push(b"data: abc\ndata: d", |_| true);
        assert_eq!(stream.held(), 3 + 7);
    }
}
