#!/bin/sh
# In place of the built-in measure: the last price of each minute against the price of the day. It writes what select reads
# (docs/stages.md, "A measure of your own"); change the estimate in the middle to whatever you have in mind.
#
# Ticks are lines TIME,PRICE in order of time, truths are lines DATE,PRICE.
set -eu
export LC_ALL=C
mkdir -p "$VDS_OUT/obs" "$VDS_OUT/score"
find "$VDS_IN_BINS" -path '*/[0-9][0-9]/[0-9][0-9]/*.csv' | sort |
    awk -v out="$VDS_OUT" -v truths="$VDS_IN_TRUTH/truth.csv" '
    function number(text) { return text ~ /^-?[0-9]+(\.[0-9]+)?$/ }
    BEGIN {
        print "date,symbol,price" > (out "/truth.csv")
        while ((getline line < truths) > 0) {
            sub(/\r$/, "", line)
            split(line, field, ",")
            if (!number(field[2])) continue
            truth[field[1]] = field[2]
            print field[1] ",," field[2] > (out "/truth.csv")
        }
    }
    {
        parts = split($0, part, "/")
        date = substr(part[parts], 1, 10); hour = part[parts - 2]; minute = part[parts - 1]; bucket = hour ":" minute

        estimate = ""
        while ((getline line < $0) > 0) {
            sub(/\r$/, "", line)
            split(line, field, ",")
            if (number(field[2])) estimate = field[2]
        }
        close($0)
        if (estimate == "") next

        obs = out "/obs/" date ".csv"
        if (!(date in seen)) { seen[date]; print "bucket,symbol,last_1m_end" > obs; close(obs) }
        print bucket ",," estimate >> obs
        close(obs)
        if (!(date in truth)) next
        n[bucket]++
        squares[bucket] += (estimate - truth[date]) ^ 2
    }
    END {
        for (bucket in n) {
            hour = substr(bucket, 1, 2); minute = substr(bucket, 4, 2)
            at = sprintf("%02d:%02d:00", hour + (minute == 59), (minute + 1) % 60)
            system("mkdir -p \"" out "/score/" hour "\"")
            score = out "/score/" hour "/" minute ".csv"
            print "bucket,stat,window,align,at,n,rmse" > score
            printf "%s,last,1m,end,%s,%d,%.12g\n", bucket, at, n[bucket], sqrt(squares[bucket] / n[bucket]) > score
            close(score)
        }
    }'
