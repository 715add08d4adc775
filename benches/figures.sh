#!/usr/bin/env bash
# Measures vds against b3sum, cp, git and find on the same files in the same run, and prints a table. It never fails on a
# slow figure: what is slow on a busy machine is for a person to judge.
#
# VDS       the program                              [vds]
# FILES     files of 1-8 KiB to commit               [100000]
# DAYS      days of 1,440 minute files               [500]
# COMMITS   length of the history that log reads     [10000]
# RUNS      how often each thing is measured         [3]
# MILLION   1: also commit one file among 1,000,000  [0]
# WORK      a directory for some 5 GB (16 with MILLION=1), on the disk to be measured  [a temporary one]
set -euo pipefail
export LC_ALL=C VDS_AUTHOR=bench
VDS=${VDS:-vds}
FILES=${FILES:-100000}
DAYS=${DAYS:-500}
COMMITS=${COMMITS:-10000}
RUNS=${RUNS:-3}
MILLION=${MILLION:-0}
mkdir -p "${WORK:-${TMPDIR:-/tmp}}"
work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/vds-figures.XXXXXX")
memory=""
trap 'rm -rf "$work" "$memory"' EXIT
cd "$work"

declare -A samples
say() { printf '%s\n' "$*" >&2; }
micros() { local now=$EPOCHREALTIME; printf '%s' "${now/./}"; }

# measure NAME COMMAND...: one more sample of NAME, in microseconds. What was written before is on the disk first, so that
# nobody pays for the writes of another.
measure() {
    local name=$1 began ended
    shift
    sync
    began=$(micros)
    "$@" >/dev/null
    ended=$(micros)
    samples[$name]="${samples[$name]:-} $((ended - began))"
}
sorted() { tr ' ' '\n' <<<"${samples[$1]}" | grep . | sort -n; }
best() { sorted "$1" | head -n 1; }
median() { sorted "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
times() { awk -v a="$(best "$1")" -v b="$(median "$1")" '
    function t(us) { return us < 1e6 ? sprintf("%.1f ms", us / 1e3) : sprintf("%.2f s", us / 1e6) }
    BEGIN {printf "%s / %s", t(a), t(b)}'; }

# tree DIR FILES PER_DIRECTORY: files of 1-8 KiB, no two alike, with text like that of ticks.
tree() {
    mkdir "$1"
    (cd "$1" && seq -f 'd%04.0f' 0 $((($2 - 1) / $3)) | xargs mkdir)
    awk -v dir="$1" -v files="$2" -v each="$3" 'BEGIN {
        srand(7)
        while (length(pool) < 262144)
            pool = pool sprintf("2024-05-%02dT%02d:%02d:%02d.%03dZ,%.2f,%d\n", 1 + rand() * 28, rand() * 24,
                rand() * 60, rand() * 60, rand() * 1000, 70 + rand() * 20, 1 + rand() * 500)
        for (n = 0; n < files; n++) {
            size = 1024 + int(rand() * 7168)
            file = sprintf("%s/d%04d/%07d.csv", dir, n / each, n)
            head = "n=" n "\n"
            printf "%s%s", head, substr(pool, 1 + int(rand() * 250000), size - length(head)) > file
            close(file)
        }
    }'
}

# days DIR FIRST LAST: minute files of days counted from zero, with 28 days in each month.
days() {
    awk -v first="$2" -v last="$3" 'BEGIN {
        for (day = first; day <= last; day++) for (hour = 0; hour < 24; hour++)
            printf "%04d/%02d/%02d/%02d\n", 2020 + day / 336, 1 + (day / 28) % 12, 1 + day % 28, hour
    }' | (mkdir -p "$1" && cd "$1" && xargs mkdir -p)
    awk -v dir="$1" -v first="$2" -v last="$3" 'BEGIN {
        for (day = first; day <= last; day++) {
            srand(day)
            price = 7000 + int(rand() * 2000)
            for (minute = 0; minute < 1440; minute++) {
                date = sprintf("%04d-%02d-%02d", 2020 + day / 336, 1 + (day / 28) % 12, 1 + day % 28)
                file = date "-" sprintf("%02d-%02d", minute / 60, minute % 60)
                gsub("-", "/", file)
                file = dir "/" file ".csv"
                print "time,price,size" > file
                for (second = 3; second < 60; second += 6) {
                    price += int(rand() * 3) - 1
                    printf "%sT%02d:%02d:%02dZ,%.2f,%d\n", date, minute / 60, minute % 60, second, price / 100,
                        1 + rand() * 20 > file
                }
                close(file)
            }
        }
    }'
}

# settlements DAYS: a published price for each of the days, near its ticks.
settlements() {
    awk -v days="$1" 'BEGIN {
        print "date,price"
        for (day = 0; day < days; day++) {
            srand(day)
            printf "%04d-%02d-%02d,%.2f\n", 2020 + day / 336, 1 + (day / 28) % 12, 1 + day % 28,
                (7000 + int(rand() * 2000)) / 100
        }
    }'
}

store() {
    export VDS_STORE=$1
    "$VDS" init --quiet >/dev/null
    "$VDS" repo create files --quiet >/dev/null
}
hash_all() { xargs -0 b3sum -- <files.list; }
stat_all() { find files -type f -printf '%s %T@\n'; }
git_all() {
    local git=(git --git-dir="$1" --work-tree=files -c gc.auto=0 -c maintenance.auto=false -c user.name=bench
        -c user.email=bench@localhost)
    "${git[@]}" init --quiet
    "${git[@]}" add --all
    "${git[@]}" commit --quiet -m all
}
# one_file TREE FILE: changes the file and commits it alone.
one_file() {
    printf 'changed %s\n' "$(micros)" >>"$1/$2"
    measure "$1-one" "$VDS" commit files "$1/$2" --to "${2%/*}" -m one --quiet
}

# scatter TREE DIR COUNT FIRST: so many files of the tree, evenly spread from number FIRST on, with another content.
scatter() {
    local tree=$1 dir=$2 count=$3 first=$4 total file
    total=$(wc -l <"$tree.list")
    awk -v step="$((total / count))" -v first="$first" 'NR % step == first % step' "$tree.list" | head -n "$count" |
        while read -r file; do
            mkdir -p "$dir/${file%/*}"
            { cat "$tree/$file"; echo "changed $first"; } >"$dir/$file"
        done
}
# list TREE: its files, for scatter.
list() { (cd "$1" && find . -type f -printf '%P\n' | sort) >"$1.list"; }

say "making $FILES files ..."
tree files "$FILES" $(((FILES + 999) / 1000))
find files -type f -print0 >files.list
hash_all >/dev/null
for run in $(seq "$RUNS"); do
    say "files, run $run of $RUNS ..."
    store "$work/store-$run"
    measure b3sum hash_all
    measure commit "$VDS" commit files files -m all --quiet
    measure find stat_all
    measure unchanged "$VDS" commit files files -m again --quiet
    measure checkout "$VDS" checkout files --into "out-$run" --plain --quiet
    measure cp cp -r files "copy-$run"
    measure git git_all "git-$run"
    for _ in 1 2 3; do one_file files d0000/0000000.csv; done
done

say "a workspace of $FILES files ..."
list files
scatter files part $((FILES / 100)) 7
"$VDS" branch create files@other --no-run --quiet >/dev/null
"$VDS" commit files@other part -m part --quiet >/dev/null
"$VDS" checkout files --into work --quiet >/dev/null
cp -r files work-git
cp -r files work-cp
git -C work-git init --quiet
git -C work-git add --all
# Files that were written a moment ago are read once more by both, and known by their stamps from then on.
for _ in 1 2; do
    sleep 1
    "$VDS" -C work status >/dev/null
    git -C work-git status >/dev/null
done
for run in $(seq $((RUNS * 3))); do
    measure status "$VDS" -C work status
    measure git-status git -C work-git status
    measure find-work find work -type f -printf '%s %T@\n'
done
for run in $(seq "$RUNS"); do
    for branch in other main; do
        measure switch "$VDS" -C work switch "$branch"
        measure cp-part cp -r part/. work-cp/
    done
done

if [ "$MILLION" = 1 ]; then
    say "one file among 1,000,000 ..."
    tree million 1000000 1000
    store "$work/store-million"
    "$VDS" commit files million -m all --quiet >/dev/null
    for _ in $(seq $((RUNS * 3))); do one_file million d0000/0000000.csv; done
    say "a merge among 1,000,000 ..."
    list million
    scatter million ten 10 3
    scatter million ours 100 5
    scatter million theirs 100 77
    "$VDS" commit files ten -m ten --quiet >/dev/null
    "$VDS" branch create files@other --no-run --quiet >/dev/null
    "$VDS" commit files ours -m ours --quiet >/dev/null
    "$VDS" commit files@other theirs -m theirs --quiet >/dev/null
    for _ in $(seq $((RUNS * 3))); do
        measure diff "$VDS" diff files@main~2 files@main~1
        measure merge "$VDS" merge files@main other --quiet
        "$VDS" undo --quiet >/dev/null
    done
fi

say "a day after 10 and after $DAYS days ..."
store "$work/store-days"
"$VDS" repo create ticks --quiet >/dev/null
"$VDS" repo create truth --quiet >/dev/null
settlements $((DAYS + RUNS)) >settlements.csv
"$VDS" commit truth settlements.csv -m prices --quiet >/dev/null
cat >pipeline.toml <<'TOML'
pipeline = "bench"
[stage.bin]
input = "ticks@*:/*/*/*"
bin = { tz = "America/New_York" }
[stage.measure]
inputs = { bins = "bench/bin@*:/", truth = "truth@main:/settlements.csv" }
measure = { stats = ["last", "mean", "vwap"], windows = ["1m", "2m", "5m"], tick = "0.01" }
[stage.select]
input = "bench/measure@*:/"
select = { by = "rmse", min-coverage = 0.0 }
TOML
"$VDS" pipeline create pipeline.toml --quiet >/dev/null
# days_up_to NAME FIRST LAST: everything but the last RUNS days in one commit, then each of these alone, measured.
days_up_to() {
    local name=$1 first=$2 last=$3 day
    days "$name-bulk" "$first" $((last - RUNS))
    "$VDS" commit ticks "$name-bulk" -m bulk --quiet >/dev/null
    for day in $(seq $((last - RUNS + 1)) "$last"); do
        days "$name-$day" "$day" "$day"
        measure "$name" "$VDS" commit ticks "$name-$day" -m day --quiet
    done
}
days_up_to young 0 $((9 + RUNS))
days_up_to old $((10 + RUNS)) $((DAYS - 1 + RUNS))

say "a history of $COMMITS commits ..."
# Built in memory where there is some to be had, since only reading it is measured.
memory=$(mktemp -d /dev/shm/vds-figures.XXXXXX 2>/dev/null || mktemp -d "$work/memory.XXXXXX")
store "$memory/long"
for n in $(seq "$COMMITS"); do "$VDS" commit files --allow-empty -m "commit $n" --quiet >/dev/null; done
cp -r "$memory/long" "$work/store-long"
export VDS_STORE=$work/store-long
for _ in 1 2 3 4 5 6 7 8 9; do
    measure version "$VDS" --version
    measure log "$VDS" log files -n 10
done

# row FIGURE NAME REFERENCE FACTOR TARGET: FACTOR is the most that the ratio of the medians may be.
row() {
    printf '%-42s | %-19s | %-36s | %-7s | %s\n' "$1" "$(times "$2")" "$3: $(times "$4")" \
        "$(awk -v a="$(median "$2")" -v b="$(median "$4")" 'BEGIN {printf "%.2f x", a / b}')" "$5"
}
alone() { printf '%-42s | %-19s | %-36s | %-7s | %s\n' "$1" "$(times "$2")" "" "" "$3"; }
echo
"$VDS" --version
printf '%s cores, %s runs, warm cache; times are best / median, ratios are of medians\n\n' "$(nproc)" "$RUNS"
printf '%-42s | %-19s | %-36s | %-7s | %s\n' figure vds "measured beside it" ratio target
row "cold commit of $FILES files" commit b3sum b3sum "<= 4 x"
row "" commit "git add, commit" git "<= 0.33 x"
row "commit of the unchanged directory" unchanged find find "<= 2 x"
row "checkout of $FILES files" checkout "cp -r" cp "<= 1.5 x"
alone "commit of one file among $FILES" files-one "<= 50 ms"
if [ "$MILLION" = 1 ]; then
    row "commit of one file among 1000000" million-one "among $FILES" files-one "<= 50 ms, 1 x within noise"
else
    printf '%-42s | %s\n' "commit of one file among 1000000" "not measured: MILLION=1 make bench"
fi
row "status of a clean workspace" status "git status" git-status "<= 1.5 x"
row "" status find find-work ""
row "switch of 1 % of its files" switch "cp over them" cp-part "<= 1.5 x"
if [ "$MILLION" = 1 ]; then
    alone "diff of 10 files among 1000000" diff "<= 20 ms"
    alone "merge of 100 files on each side there" merge "<= 100 ms"
fi
row "a day through all stages at $DAYS days" old "at 10" young "<= 1.5 x"
alone "vds --version" version "<= 30 ms"
alone "vds log -n 10 of $COMMITS commits" log "<= 30 ms"
