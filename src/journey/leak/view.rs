//! Text made from other text, which knows for each byte where it came from.
//!
//! Invariant: a [`View`] grows at its end alone, so its sites lie in the order of its bytes; a byte that was copied or
//! decoded tells the place of what it was made of, exactly for copies and to within one encoded group for decoded text.

use std::ops::Range;

use super::Layer;

/// What stands between two pieces of text in one view: no rule looks over an empty line.
const GAP: &[u8] = b"\n\n";

/// Text made from a parent's.
#[derive(Debug, Default)]
pub(super) struct View {
    bytes: Vec<u8>,
    sites: Vec<Site>,
}

/// From here on the view continues at another place of its parent.
#[derive(Debug, Clone, Copy)]
struct Site {
    /// Where in the view.
    at: u32,
    /// How many bytes of the view stand for `source..after` of the parent as a whole.
    out: u32,
    /// Where in the parent the replaced text begins.
    source: u32,
    /// Where in the parent what follows goes on.
    after: u32,
    /// How much of the parent what follows took.
    ratio: Ratio,
    /// What was undone here.
    layer: Option<Layer>,
}

/// So many bytes of the parent for so many of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ratio(pub(super) u8, pub(super) u8);

/// What stands as it was.
const COPY: Ratio = Ratio(1, 1);

impl View {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sites.clear();
    }

    /// Begins a new piece of text, apart from the one before.
    pub(super) fn apart(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.extend_from_slice(GAP);
        }
    }

    /// Continues with a copy of `text[range]`.
    pub(super) fn copy(&mut self, text: &[u8], range: Range<usize>) {
        self.site(range.start, range.start, 0, COPY, None);
        self.bytes.extend_from_slice(&text[range]);
    }

    /// Continues right after the last site with `text`, which stands there in the parent.
    pub(super) fn follow(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
    }

    /// Puts `output` in place of `range` of the parent, of which `layer` was undone.
    pub(super) fn replace(&mut self, range: Range<usize>, output: &[u8], layer: Layer) {
        self.site(range.start, range.end, output.len(), COPY, Some(layer));
        self.bytes.extend_from_slice(output);
    }

    /// Begins a new piece with `decoded`, which took `ratio` of the parent from `start` on.
    pub(super) fn decoded(&mut self, start: usize, ratio: Ratio, decoded: &[u8], layer: Layer) {
        self.apart();
        self.site(start, start, 0, ratio, Some(layer));
        self.bytes.extend_from_slice(decoded);
    }

    fn site(&mut self, source: usize, after: usize, out: usize, ratio: Ratio, layer: Option<Layer>) {
        self.sites.push(Site {
            at: short(self.bytes.len()),
            out: short(out),
            source: short(source),
            after: short(after),
            ratio,
            layer,
        });
    }

    /// The place in the parent that the byte at `position` came from.
    pub(super) fn origin(&self, position: usize) -> usize {
        let index = self.sites.partition_point(|site| site.at as usize <= position);
        let Some(site) = index.checked_sub(1).map(|index| &self.sites[index]) else { return position };
        let beyond = position - site.at as usize;
        if beyond < site.out as usize {
            return site.source as usize;
        }
        site.after as usize + (beyond - site.out as usize) * usize::from(site.ratio.0) / usize::from(site.ratio.1)
    }

    /// Adds what was undone within `span`, each once, in the order of the text.
    pub(super) fn layers(&self, span: &Range<usize>, layers: &mut Vec<Layer>) {
        let first = self.sites.partition_point(|site| site.at as usize <= span.start).saturating_sub(1);
        for (index, site) in
            self.sites[first..].iter().enumerate().take_while(|(_, site)| (site.at as usize) < span.end)
        {
            let Some(layer) = site.layer else { continue };
            // What stands before the span, or was taken away right at its start, is no part of it.
            let begins_inside = site.at as usize > span.start;
            let reaches_in = (site.at + site.out) as usize > span.start || site.ratio != COPY && index == 0;
            if (begins_inside || reaches_in) && !layers.contains(&layer) {
                layers.push(layer);
            }
        }
    }
}

/// Windows are far smaller than 4 GiB, and so is what is made of them.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Text to look at, and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a [u8],
    from: Option<(&'a View, &'a Piece<'a>)>,
}

impl<'a> Piece<'a> {
    /// Text as it stands in the window.
    pub(super) fn window(text: &'a [u8]) -> Self {
        Piece { text, from: None }
    }

    /// Text that was made from `parent`.
    pub(super) fn made(view: &'a View, parent: &'a Piece<'a>) -> Self {
        Piece { text: view.bytes(), from: Some((view, parent)) }
    }

    /// The place in the window that the byte at `position` came from.
    pub(super) fn origin(&self, position: usize) -> usize {
        self.from.map_or(position, |(view, parent)| parent.origin(view.origin(position)))
    }

    /// What was undone to get at `span`, the outermost first.
    pub(super) fn layers(&self, span: &Range<usize>) -> Vec<Layer> {
        let mut layers = Vec::new();
        self.collect(span, &mut layers);
        layers
    }

    fn collect(&self, span: &Range<usize>, layers: &mut Vec<Layer>) {
        let Some((view, parent)) = self.from else { return };
        let last = view.origin(span.end.max(span.start + 1) - 1);
        parent.collect(&(view.origin(span.start)..last + 1), layers);
        view.layers(span, layers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_byte_knows_its_place() {
        let mut view = View::default();
        view.copy(b"0123456789", 2..5);
        view.apart();
        view.copy(b"0123456789", 7..9);
        assert_eq!(view.bytes(), b"234\n\n78");
        assert_eq!([0, 2, 5, 6].map(|at| view.origin(at)), [2, 4, 7, 8]);
    }

    #[test]
    fn what_was_replaced_is_told_as_a_layer_of_what_spans_it() {
        let text = b"a\\u0062c";
        let mut view = View::default();
        view.copy(text, 0..1);
        view.replace(1..7, b"b", Layer::Json);
        view.follow(b"c");
        let window = Piece::window(text);
        let piece = Piece::made(&view, &window);
        assert_eq!([0, 1, 2].map(|at| piece.origin(at)), [0, 1, 7]);
        assert_eq!(piece.layers(&(0..3)), [Layer::Json]);
        assert_eq!(piece.layers(&(1..2)), [Layer::Json]);
        assert_eq!(piece.layers(&(0..1)), []);
        assert_eq!(piece.layers(&(2..3)), []);
    }

    #[test]
    fn decoded_text_knows_its_place_to_a_group() {
        let mut view = View::default();
        view.decoded(100, Ratio(2, 1), b"ABCD", Layer::Hex);
        assert_eq!([0, 1, 3].map(|at| view.origin(at)), [100, 102, 106]);
        let window = Piece::window(b"");
        assert_eq!(Piece::made(&view, &window).layers(&(1..3)), [Layer::Hex]);
    }
}
