//! Which datums there are for each form of input, and what each reads.

use super::plan;
use crate::object::access::memory::Objects;
use crate::object::{Entry, FileKind, NodeId};
use crate::pipeline::spec::Spec;
use crate::{content, tree};

/// A tree of files with these paths.
fn grow(objects: &Objects, paths: &str) -> NodeId {
    let mut paths: Vec<&str> = paths.split_whitespace().collect();
    paths.sort_unstable();
    let entry = |path: &str| {
        let kept = content::keep_bytes(objects, path.as_bytes()).unwrap();
        (path.as_bytes().to_vec(), Entry { kind: FileKind::File, blob: kept.blob, size: kept.size })
    };
    tree::build(objects, paths.into_iter().map(entry)).unwrap()
}

/// The datums of a stage that reads the repos `a` and `b` with these files: of each its name, and the files of each input that has some.
fn datums(input: &str, a: &str, b: &str) -> String {
    let objects = Objects::default();
    let file = format!("pipeline = 'p'\n[stage.s]\ninput = {input}\ncommand = ['true']\n");
    let input = Spec::parse("p.toml", &file).unwrap().stages.into_values().next().unwrap().input;
    let sources = input.sources();
    let roots: Vec<NodeId> = sources
        .iter()
        .map(|(_, source)| grow(&objects, if source.repo.as_str() == "a" { a } else { b }))
        .collect();
    let nothing = vec![tree::empty(&objects).unwrap(); roots.len()];
    let plan = plan(&objects, &input, &nothing, &roots).unwrap();
    let part = |(input, files): (&str, &super::value::Files)| {
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        format!(" {input}[{}]", paths.join(" "))
    };
    let datum = |datum: &super::Datum| {
        format!(
            "{}:{}",
            datum.name(),
            datum.files().filter(|(_, files)| !files.is_empty()).map(part).collect::<String>()
        )
    };
    plan.datums.iter().map(datum).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn check(input: &str, a: &str, b: &str, want: &[&str]) {
    assert_eq!(datums(input, a, b), want.join("\n"), "{input}");
}

#[test]
fn a_glob_cuts_a_tree() {
    let tree = "top x/1 x/2 y/d/3 y/e/4 z.csv";
    check("'a:/'", tree, "", &["all: a[top x/1 x/2 y/d/3 y/e/4 z.csv]"]);
    check("'a:/*'", tree, "", &["top: a[top]", "x: a[x/1 x/2]", "y: a[y/d/3 y/e/4]", "z.csv: a[z.csv]"]);
    check("'a:/*/*'", tree, "", &["x/1: a[x/1]", "x/2: a[x/2]", "y/d: a[y/d/3]", "y/e: a[y/e/4]"]);
    check("'a:/*/*/*'", tree, "", &["y/d/3: a[y/d/3]", "y/e/4: a[y/e/4]"]);
    check("'a:/**'", "p q/r", "", &["p: a[p]", "q/r: a[q/r]"]);
    check("'a:/**/[12]'", tree, "", &["x/1: a[x/1]", "x/2: a[x/2]"]);
    check("'a:/{x,z.csv}'", tree, "", &["x: a[x/1 x/2]", "z.csv: a[z.csv]"]);
    check("'a:/?'", tree, "", &["x: a[x/1 x/2]", "y: a[y/d/3 y/e/4]"]);
    check("'a:/[!x]*'", tree, "", &["top: a[top]", "y: a[y/d/3 y/e/4]", "z.csv: a[z.csv]"]);
    check("'a:/!(x|top)'", tree, "", &["y: a[y/d/3 y/e/4]", "z.csv: a[z.csv]"]);
    check("'a:/@(x|top)'", tree, "", &["top: a[top]", "x: a[x/1 x/2]"]);
    check("'a:/+(x)'", "x xx xy", "", &["x: a[x]", "xx: a[xx]"]);
    check("'a:/x?(x)'", "x xx xxx", "", &["x: a[x]", "xx: a[xx]"]);
    check("'a:/x*(y)'", "x xy xyy xyz", "", &["x: a[x]", "xy: a[xy]", "xyy: a[xyy]"]);
    check(
        "{ from = 'a:/*', except = ['/x', '/**/3'] }",
        tree,
        "",
        &["top: a[top]", "y: a[y/e/4]", "z.csv: a[z.csv]"],
    );
    check("'a:/nothing/*'", tree, "", &[]);
    check("'a:/*'", "", "", &[]);
}

#[test]
fn crosses_and_unions_nest() {
    let cross = "{ cross = [ 'a:/*', 'b:/*' ] }";
    check(cross, "1 2", "x", &["a=1,b=x: a[1] b[x]", "a=2,b=x: a[2] b[x]"]);
    check(cross, "1 2", "", &[]);
    check(
        "{ cross = [ 'a:/', 'b:/*' ] }",
        "1 2",
        "x y",
        &["a=all,b=x: a[1 2] b[x]", "a=all,b=y: a[1 2] b[y]"],
    );
    let union = "{ union = [ 'a:/*', 'b:/*' ] }";
    check(union, "1 2", "x", &["a=1: a[1]", "a=2: a[2]", "b=x: b[x]"]);
    check(union, "", "x", &["b=x: b[x]"]);
    let nested = "{ cross = [ 'b:/*', { union = [ 'a:/1', { name = 'c', from = 'a:/*' } ] } ] }";
    check(nested, "1 2", "x", &["b=x,a=1: b[x] a[1]", "b=x,c=1: b[x] c[1]", "b=x,c=2: b[x] c[2]"]);
    let inner = "{ union = [ 'b:/*', { cross = [ 'a:/*', { name = 'c', from = 'b:/' } ] } ] }";
    check(inner, "1", "x y", &["b=x: b[x]", "b=y: b[y]", "a=1,c=all: a[1] c[x y]"]);
}

#[test]
fn joins_find_partners_and_outer_ones_do_without() {
    let join = |outer: [&str; 2]| {
        format!(
            "{{ join = [ {{ from = 'a:/(*).csv', join_on = '$1'{} }}, {{ from = 'b:/(*)-(*)', join_on = '$1'{} }} ] }}",
            outer[0], outer[1]
        )
    };
    let (yes, no) = (", outer_join = true", "");
    let (a, b) = ("k.csv l.csv n.txt", "k-1 k-2 m-1");
    let both = ["a=k.csv,b=k-1: a[k.csv] b[k-1]", "a=k.csv,b=k-2: a[k.csv] b[k-2]"];
    let (left, right) = ("a=l.csv: a[l.csv]", "b=m-1: b[m-1]");
    check(&join([no, no]), a, b, &both);
    check(&join([yes, no]), a, b, &[both[0], both[1], left]);
    check(&join([no, yes]), a, b, &[both[0], both[1], right]);
    check(&join([yes, yes]), a, b, &[both[0], both[1], left, right]);
    check(&join([no, no]), a, "", &[]);
    check(&join([yes, yes]), a, "", &["a=k.csv: a[k.csv]", left]);
    // Three ways, and a key of two groups.
    let three = "{ join = [ { name = 'x', from = 'a:/(*)/(*)', join_on = '$1$2' }, { name = 'y', from = 'b:/(??)', join_on = '$1' }, { name = 'z', from = 'a:/(?)/(?)', join_on = '${1}${2}' } ] }";
    check(three, "p/q p/r", "pq rr", &["x=p/q,y=pq,z=p/q: x[p/q] y[pq] z[p/q]"]);
    let crossed = "{ cross = [ { name = 'c', from = 'b:/' }, { join = [ { from = 'a:/(*).csv', join_on = '$1' }, { from = 'b:/(*)-*', join_on = '$1' } ] } ] }";
    check(crossed, "k.csv", "k-1", &["c=all,a=k.csv,b=k-1: c[k-1] a[k.csv] b[k-1]"]);
}

#[test]
fn groups_bring_together_all_of_a_key() {
    let one = "{ group = [ { from = 'a:/(*)-*', group_by = '$1' } ] }";
    check(one, "may-1 may-2 june-1 other", "", &["june: a[june-1]", "may: a[may-1 may-2]"]);
    let two =
        "{ group = [ { from = 'a:/(*)-*', group_by = '$1' }, { from = 'b:/*/(*)', group_by = '$1' } ] }";
    check(
        two,
        "may-1 may-2 june-1",
        "x/may y/may x/april",
        &["april: b[x/april]", "june: a[june-1]", "may: a[may-1 may-2] b[x/may y/may]"],
    );
    let again = "{ group = [ { from = 'a:/*-(*)-(*)', group_by = '$2-$1' } ] }";
    check(again, "x-1-a y-1-a z-2-a", "", &["a-1: a[x-1-a y-1-a]", "a-2: a[z-2-a]"]);
}
