//! Histories, and how they are drawn: as git draws them.

use super::*;

/// Reads `"m<a,b b<r a<r r"`, and compares the drawing whole.
#[track_caller]
fn check(history: &str, want: &str) {
    let id = |name: &str| CommitId::of(name.as_bytes());
    let mut graph = Graph::default();
    let mut drawing = String::new();
    for commit in history.split_whitespace() {
        let (name, parents) = commit.split_once('<').unwrap_or((commit, ""));
        let parents: Vec<CommitId> = parents.split(',').filter(|name| !name.is_empty()).map(id).collect();
        drawing += &graph.draw(id(name), &parents, name);
    }
    assert_eq!(drawing, want.trim_start_matches('\n'), "{history}");
}

#[test]
fn lines_fork_and_join() {
    check(
        "m<a,b b<r a<r r",
        r"
*   m
|\
| * b
* | a
|/
* r
",
    );
    check(
        "m<a,b b<r,a a<r r",
        r"
*   m
|\
| *   b
| |\
| |/
|/|
* | a
|/
* r
",
    );
    check(
        "m<a,b b<c,d d<r c<a a<r r",
        r"
*   m
|\
| *   b
| |\
| | * d
| * | c
|/ /
* / a
|/
* r
",
    );
}

#[test]
fn branches_merged_one_after_the_other_stay_apart() {
    check(
        "m4<m3,b4 b4<r m3<m2,b3 b3<r m2<m1,b2 b2<r m1<a,b1 b1<r a<r r",
        r"
*   m4
|\
| * b4
* |   m3
|\ \
| * | b3
| |/
* |   m2
|\ \
| * | b2
| |/
* |   m1
|\ \
| * | b1
| |/
* / a
|/
* r
",
    );
}

#[test]
fn lines_cross() {
    check(
        "t<x,y y<b,a x<a,b a<r b<r r",
        r"
*   t
|\
| *   y
| |\
* | | x
|\| |
| |/
|/|
* | a
| * b
|/
* r
",
    );
    check(
        "m<a,b b<c,d d<e,f f<a e<r c<r a<r r",
        r"
*   m
|\
| *   b
| |\
| | *   d
| | |\
| | | * f
| |_|/
|/| |
| | * e
| * | c
| |/
* / a
|/
* r
",
    );
}

#[test]
fn a_merge_may_have_many_parents() {
    check(
        "o<a,b,c c<r b<r a<r r x",
        r"
*-.   o
|\ \
| | * c
| * | b
| |/
* / a
|/
* r
* x
",
    );
    check(
        "o<a,b,c c<r,b b<r a<r r",
        r"
*-.   o
|\ \
| | *   c
| | |\
| | |/
| |/|
| * | b
| |/
* / a
|/
* r
",
    );
}
