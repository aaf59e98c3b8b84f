//! A picture of who belongs to whom, drawn on the server from public facts: members stand left of the bodies they belong to. The way
//! of an order is drawn thicker and numbered, so that it is not told by colour alone. The same stands beside it as text.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::OrgId;
use crate::domain::time::Date;
use crate::view::View;
use crate::web::texts::Texts;
use crate::web::words::{self, filled};

/// Most organisations in one picture; with more nobody can follow a line.
const ORGS_MAX: usize = 40;

/// Sizes in units of the picture, which are pixels on a wide screen.
const BOX_WIDTH: usize = 132;
const BOX_HEIGHT: usize = 40;
const COLUMN: usize = 196;
const ROW: usize = 68;
const MARGIN: usize = 16;

/// What a template draws.
pub(super) struct Graph {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) label: &'static str,
    pub(super) lines: Vec<Line>,
    pub(super) boxes: Vec<Placed>,
    /// The memberships in words.
    pub(super) told: Vec<String>,
}

/// From one box to another, past those between.
pub(super) struct Line {
    /// As SVG writes it.
    pub(super) points: String,
    /// Which leg of the order it is.
    pub(super) leg: Option<Leg>,
}

/// A leg's number, and where it is written.
pub(super) struct Leg {
    pub(super) number: usize,
    pub(super) x: usize,
    pub(super) y: usize,
}

/// An organisation.
pub(super) struct Placed {
    pub(super) name: String,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) text_x: usize,
    pub(super) text_y: usize,
    pub(super) is_on_way: bool,
}

/// Who belongs to whom.
type Memberships = BTreeSet<(OrgId, OrgId)>;

impl Graph {
    /// The organisations that operate nodes, and those on the way of an order, as they are related on a day. None where there is nothing
    /// to see, or too much.
    pub(super) fn of(view: &View, way: &[OrgId], today: Date, t: &'static Texts) -> Option<Self> {
        let operators = view.public().registry.logs().filter_map(|log| log.operator());
        let orgs: BTreeSet<OrgId> = operators.chain(way).cloned().collect();
        if orgs.len() > ORGS_MAX {
            return None;
        }
        let memberships = memberships(view, &orgs, today);
        let name = |org: &OrgId| words::organisation(view, org);
        let told = memberships
            .iter()
            .map(|(member, of)| filled(t.graph_belongs, &[("member", &name(member)), ("of", &name(of))]));
        let told = told.collect();
        let label = if way.is_empty() { t.graph_label } else { t.graph_label_way };
        let graph = Self::drawn(&orgs, &memberships, way, label, told);
        (!graph.lines.is_empty()).then_some(graph)
    }

    fn drawn(
        orgs: &BTreeSet<OrgId>,
        memberships: &Memberships,
        way: &[OrgId],
        label: &'static str,
        told: Vec<String>,
    ) -> Self {
        let ranks = ranks(orgs, memberships);
        let legs = way.windows(2).map(|pair| (&pair[0], &pair[1]));
        let legs: Vec<Edge<'_>> = legs.filter_map(|(from, to)| edge(&ranks, from, to)).collect();
        let mut edges: BTreeSet<Edge<'_>> =
            memberships.iter().filter_map(|(one, two)| edge(&ranks, one, two)).collect();
        edges.extend(legs.iter().copied());
        let columns = columns(&ranks, &edges);
        let rows = columns.iter().map(Vec::len).max().unwrap_or_default();
        let mut places: BTreeMap<Slot<'_>, (usize, usize)> = BTreeMap::new();
        for (column, slots) in columns.iter().enumerate() {
            // Each column stands in the middle.
            let above = (rows - slots.len()) * ROW / 2;
            for (row, slot) in slots.iter().enumerate() {
                places.insert(*slot, (MARGIN + column * COLUMN, MARGIN + above + row * ROW));
            }
        }
        let leg = |edge: &Edge<'_>| legs.iter().position(|leg| leg == edge).map(|at| at + 1);
        let mut lines: Vec<Line> = edges.iter().map(|edge| line(&places, &ranks, *edge, leg(edge))).collect();
        // Those of the way are drawn last, above the others.
        lines.sort_by_key(|line| line.leg.is_some());
        let orgs = places.iter().filter_map(|(slot, at)| match slot {
            Slot::Org(org) => Some(placed(org, *at, way.contains(org))),
            Slot::Bend(..) => None,
        });
        Self {
            width: 2 * MARGIN + columns.len().saturating_sub(1) * COLUMN + BOX_WIDTH,
            height: 2 * MARGIN + rows.saturating_sub(1) * ROW + BOX_HEIGHT,
            label,
            boxes: orgs.collect(),
            lines,
            told,
        }
    }
}

/// The one further left first.
type Edge<'a> = (&'a OrgId, &'a OrgId);

/// What takes up room in a column: an organisation, or a line on its way to a column further right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slot<'a> {
    Org(&'a OrgId),
    Bend(Edge<'a>, usize),
}

fn edge<'a>(ranks: &BTreeMap<&'a OrgId, usize>, one: &OrgId, two: &OrgId) -> Option<Edge<'a>> {
    let ((one, left), (two, right)) = (ranks.get_key_value(one)?, ranks.get_key_value(two)?);
    (one != two).then_some(if left <= right { (*one, *two) } else { (*two, *one) })
}

/// The columns from left to right. What is linked to the left stands as near to that as it goes.
fn columns<'a>(ranks: &BTreeMap<&'a OrgId, usize>, edges: &BTreeSet<Edge<'a>>) -> Vec<Vec<Slot<'a>>> {
    let mut columns: Vec<Vec<Slot<'a>>> = vec![Vec::new(); ranks.values().max().map_or(0, |last| last + 1)];
    for (org, rank) in ranks {
        columns[*rank].push(Slot::Org(org));
    }
    for edge in edges {
        for (column, slots) in columns.iter_mut().enumerate().take(ranks[edge.1]).skip(ranks[edge.0] + 1) {
            slots.push(Slot::Bend(*edge, column));
        }
    }
    for column in 1..columns.len() {
        let (before, after) = columns.split_at_mut(column);
        let row = |slot: Slot<'_>| before[column - 1].iter().position(|known| *known == slot);
        let nearest = |slot: &Slot<'a>| {
            let of_edge = |edge: &Edge<'a>| row(Slot::Bend(*edge, column - 1)).or_else(|| row(Slot::Org(edge.0)));
            let rows: Vec<usize> = match slot {
                Slot::Bend(edge, _) => of_edge(edge).into_iter().collect(),
                Slot::Org(org) => edges.iter().filter(|edge| edge.1 == *org).filter_map(of_edge).collect(),
            };
            // In hundredths of a row.
            (rows.iter().sum::<usize>() * 100).checked_div(rows.len()).unwrap_or_default()
        };
        after[0].sort_by_key(|slot| (nearest(slot), *slot));
    }
    columns
}

/// The memberships in force between them.
fn memberships(view: &View, orgs: &BTreeSet<OrgId>, today: Date) -> Memberships {
    let facts = view.public().facts;
    let mut found = Memberships::new();
    for member in orgs {
        let Some(number) = facts.number(member) else { continue };
        for body in facts.bodies(number).filter(|body| orgs.contains(facts.name(*body))) {
            if facts.between(number, body, today).any(|(_, fact)| fact.holds(today, today)) {
                found.insert((member.clone(), facts.name(body).clone()));
            }
        }
    }
    found
}

/// In which column each stands: right of everybody that belongs to it, as far as nobody belongs to each other.
fn ranks<'a>(orgs: &'a BTreeSet<OrgId>, memberships: &Memberships) -> BTreeMap<&'a OrgId, usize> {
    let mut ranks: BTreeMap<&OrgId, usize> = orgs.iter().map(|org| (org, 0)).collect();
    // As often as the longest chain has links; those in a circle come to rest there.
    for _ in 1..orgs.len() {
        let before = ranks.clone();
        for (member, of) in memberships {
            let wanted = before.get(member).map_or(0, |rank| rank + 1).min(orgs.len() - 1);
            if let Some(rank) = ranks.get_mut(of) {
                *rank = (*rank).max(wanted);
            }
        }
        if ranks == before {
            break;
        }
    }
    ranks
}

fn line(
    places: &BTreeMap<Slot<'_>, (usize, usize)>,
    ranks: &BTreeMap<&OrgId, usize>,
    edge: Edge<'_>,
    number: Option<usize>,
) -> Line {
    let at = |slot: Slot<'_>| places.get(&slot).copied().unwrap_or_default();
    let ((left, top), (right, bottom)) = (at(Slot::Org(edge.0)), at(Slot::Org(edge.1)));
    let mut points = Vec::new();
    if ranks[edge.0] == ranks[edge.1] {
        points.extend([top, bottom].map(|y| (left + BOX_WIDTH, y + BOX_HEIGHT / 2)));
    } else {
        points.push((left + BOX_WIDTH, top + BOX_HEIGHT / 2));
        for column in ranks[edge.0] + 1..ranks[edge.1] {
            let (x, y) = at(Slot::Bend(edge, column));
            points.extend([x, x + BOX_WIDTH].map(|x| (x, y + BOX_HEIGHT / 2)));
        }
        points.push((right, bottom + BOX_HEIGHT / 2));
    }
    let leg = number.map(|number| Leg {
        number,
        x: usize::midpoint(points[0].0, points[1].0),
        y: usize::midpoint(points[0].1, points[1].1),
    });
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    Line { points: points.join(" "), leg }
}

fn placed(org: &OrgId, (x, y): (usize, usize), is_on_way: bool) -> Placed {
    let (text_x, text_y) = (x + BOX_WIDTH / 2, y + BOX_HEIGHT / 2 + 5);
    Placed { name: org.to_string(), x, y, text_x, text_y, is_on_way }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orgs(names: &[&str]) -> BTreeSet<OrgId> {
        names.iter().map(|name| name.parse().expect("a name")).collect()
    }

    fn pairs(names: &[(&str, &str)]) -> Memberships {
        names.iter().map(|(a, b)| (a.parse().expect("a name"), b.parse().expect("a name"))).collect()
    }

    #[test]
    fn members_stand_left_of_their_bodies_and_circles_come_to_rest() {
        let (all, chain) = (orgs(&["a", "b", "c", "d"]), pairs(&[("a", "b"), ("b", "c"), ("d", "c")]));
        let found: Vec<usize> = ranks(&all, &chain).into_values().collect();
        assert_eq!(found, [0, 1, 2, 0]);
        let circle = pairs(&[("a", "b"), ("b", "a"), ("c", "d")]);
        assert!(ranks(&all, &circle).values().all(|rank| *rank < 4));
        assert!(ranks(&orgs(&[]), &pairs(&[])).is_empty());
    }

    #[test]
    fn the_way_of_an_order_is_numbered_and_everything_lies_in_the_picture() {
        let (all, chain) = (orgs(&["a", "b", "c", "d"]), pairs(&[("a", "b"), ("b", "c"), ("d", "c")]));
        let way: Vec<OrgId> = ["a", "b", "c", "d"].map(|name| name.parse().expect("a name")).into();
        let graph = Graph::drawn(&all, &chain, &way, "", Vec::new());
        let numbers: Vec<usize> = graph.lines.iter().filter_map(|line| Some(line.leg.as_ref()?.number)).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(graph.lines.len(), 3, "the same pair is one line");
        assert!(graph.boxes.iter().all(|one| one.is_on_way));
        assert!(graph.boxes.iter().all(|one| one.x + BOX_WIDTH < graph.width && one.y + BOX_HEIGHT < graph.height));
        for (x, y) in graph.lines.iter().flat_map(points) {
            assert!(x < graph.width && y < graph.height);
        }
        assert!(Graph::drawn(&all, &pairs(&[]), &[], "", Vec::new()).lines.is_empty());
    }

    fn points(line: &Line) -> Vec<(usize, usize)> {
        let number = |text: &str| text.parse().expect("a number");
        line.points.split(' ').filter_map(|pair| pair.split_once(',')).map(|(x, y)| (number(x), number(y))).collect()
    }

    /// Else it would look as if it began or ended there.
    #[test]
    fn a_long_line_passes_no_box() {
        let all = orgs(&["a", "b", "c", "d"]);
        let graph =
            Graph::drawn(&all, &pairs(&[("a", "b"), ("b", "c"), ("a", "c"), ("d", "c")]), &[], "", Vec::new());
        let long: Vec<Vec<(usize, usize)>> = graph.lines.iter().map(points).filter(|line| line.len() > 2).collect();
        assert_eq!(long.len(), 2, "from the first column to the third");
        for (x, y) in long.iter().flat_map(|line| &line[1..3]) {
            let is_in =
                |one: &Placed| (one.x..=one.x + BOX_WIDTH).contains(x) && (one.y..=one.y + BOX_HEIGHT).contains(y);
            assert!(!graph.boxes.iter().any(is_in), "{x},{y}");
        }
    }
}
