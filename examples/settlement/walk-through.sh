#!/usr/bin/env bash
# From made-up ticks to the settlement instant, with nothing but the vds program. Prints each command before it runs it.
#
# VDS: the program. TICKS: the generator of ticks. REPORT: where the picture goes.
set -euo pipefail
VDS=${VDS:-vds}
REPORT=${REPORT:-$PWD/report.svg}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
vds() { "$VDS" "$@"; }
say() { printf '\n# %s\n' "$*"; }
# Prints a command as it would be typed, and runs it.
show() {
    local word line='$'
    for word; do
        case $word in
        *[!A-Za-z0-9@~:./=,_-]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    printf '%s\n' "$line"
    "$@"
}

"${TICKS:-settlement-ticks}" "$work/data"
cp "$here/settlement.toml" "$work"
cd "$work"

say "A store, a repo for ticks, one for the published prices, and the pipeline that compares them."
show vds init
show vds repo create ticks
show vds repo create truth
show vds commit truth data/published/settlements.csv -m "prices as published"
show vds pipeline create settlement.toml

say "Each source has its own branch. Each day is one commit, and the three stages follow it by themselves."
days=$(ls data/bbg)
for source in bbg lseg; do
    n=0
    for day in $days; do
        n=$((n + 1))
        if [ $n -le 2 ]; then
            show vds commit "ticks@$source" "data/$source/$day" -m "$source, $day"
        else
            [ $n -ne 3 ] || echo "... and so on for the other days from $source ..."
            vds commit "ticks@$source" "data/$source/$day" -m "$source, $day" --quiet >/dev/null
        fi
    done
done
show vds job list settlement/select -n 3
show vds job logs "$(vds job list settlement/select -n 1 --quiet)"

say "The best fit so far. One published price is wrong, so the fit is not perfect."
show vds cat settlement/select@bbg:best.csv

say "A minute of lseg's arrives late: only its day is done again."
show vds commit ticks@lseg data/late -m "the late minute"

say "The wrong price is corrected: both sources are measured again from what is known of that day; no ticks are read."
show vds commit truth data/corrected/settlements.csv -m "corrected price"
show vds diff settlement/measure@bbg~1 settlement/measure@bbg --stat -- truth.csv
show vds cat settlement/select@bbg:best.csv

say "What the answer was before the correction is still there."
show vds cat settlement/select@bbg~1:best.csv
show vds checkout settlement/select@bbg~1 --into before --plain

say "Going back to the prices as first published, and forward again: every result is found, none is computed."
first=$(vds log truth --quiet | tail -n 1)
second=$(vds log truth --quiet | head -n 1)
show vds branch move truth "${first:0:12}"
show vds branch move truth "${second:0:12}"
show vds job list settlement/measure -n 2

say "Space: what the newest versions hold. The minutes of bin are those of the ticks under other names, and kept once."
for what in ticks@bbg ticks@lseg settlement/bin@bbg settlement/bin@lseg settlement/measure@bbg settlement/select@bbg; do
    show vds du "$what"
done

vds cat settlement/select@bbg:report.svg > "$REPORT"
field() { vds cat "settlement/select@$1:best.csv" | awk -F, -v name="$2" 'NR==1 {for (i = 1; i <= NF; i++) if ($i == name) at = i} NR==2 {print $at}'; }
true_at=$(awk -F, 'NR==2 {print $1}' data/rule.csv)
true_stat=$(awk -F, 'NR==2 {print $2 " over " $3}' data/rule.csv)
status=0
echo
for source in bbg lseg; do
    # A statistic over a window stands for its middle; the instant that the rule names is where its window ends.
    found_at=$(field "$source" to)
    found_stat="$(field "$source" stat) over $(field "$source" window)"
    echo "$source: found $found_stat to $found_at New York; true is $true_stat to $true_at"
    [ "$found_at $found_stat" = "$true_at $true_stat" ] || status=1
done
echo "The picture is in $REPORT"
exit $status
