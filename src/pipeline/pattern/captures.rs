//! What the groups of a glob match in a text.

use super::glob::{Glob, How, Node};
use super::places::Places;

/// The part of a text that a group matched.
type Span = (usize, usize);

impl Glob {
    /// What each of its groups matched in `text`; `None` if it does not match it. Elements that come first take as much as they
    /// can; of a group that is gone several times, what is captured within it is that of the last time.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut spans = vec![(0, 0); self.captures];
        self.walk(&self.nodes, text, (0, text.len()), &mut spans)?;
        Some(spans.into_iter().map(|(from, to)| text.get(from..to).unwrap_or_default()).collect())
    }

    /// Goes through `nodes` so that they match just this part of the text, and notes what groups match.
    fn walk(&self, nodes: &[Node], text: &str, (start, end): Span, spans: &mut Vec<Span>) -> Option<()> {
        // From where the elements behind each one lead to the end, the last first.
        let mut leads = vec![Places::one(text, end)];
        for node in nodes.iter().rev() {
            let behind = leads.last()?;
            let mut from = Places::none(text);
            let places = (start..=end).filter(|at| text.is_char_boundary(*at));
            let arrives =
                |at: &usize| self.step(node, text, &Places::one(text, *at)).iter().any(|to| behind.has(to));
            places.filter(arrives).for_each(|at| from.add(at));
            leads.push(from);
        }
        if !leads.pop()?.has(start) {
            return None;
        }
        let mut at = start;
        for node in nodes {
            let behind = leads.pop()?;
            let reached = self.step(node, text, &Places::one(text, at));
            let to = reached.iter().rev().find(|to| behind.has(*to))?;
            if let Node::Group { how, ways, capture } = node {
                capture
                    .and_then(|number| spans.get_mut(number))
                    .into_iter()
                    .for_each(|span| *span = (at, to));
                self.walk_group(*how, ways, text, (at, to), spans);
            }
            at = to;
        }
        Some(())
    }

    /// Notes what the groups within a group match, which matches just this part of the text.
    fn walk_group(&self, how: How, ways: &[Vec<Node>], text: &str, span: Span, spans: &mut Vec<Span>) {
        let (mut at, end) = span;
        let has_groups = ways.iter().flatten().any(|node| matches!(node, Node::Group { .. }));
        if how == How::Not || !has_groups {
            return;
        }
        loop {
            let once = self.once(ways, text, &Places::one(text, at));
            let leads = |to: &usize| {
                *to == end
                    || (matches!(how, How::AnyTimes | How::AtLeastOnce)
                        && *to > at
                        && self.often(ways, text, &Places::one(text, *to)).has(end))
            };
            let Some(to) = once.iter().rev().filter(|to| *to <= end).find(leads) else { return };
            for way in ways {
                let mut tried = spans.clone();
                if self.walk(way, text, (at, to), &mut tried).is_some() {
                    *spans = tried;
                    break;
                }
            }
            if to == end || to == at {
                return;
            }
            at = to;
        }
    }
}
