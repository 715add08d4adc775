# A join of two repos by what a part of each path says, and a group of what comes of it.
vds init --quiet > /dev/null
vds repo create prices --quiet > /dev/null
vds repo create portfolio --quiet > /dev/null
vds pipeline create "$HERE/pipeline.toml" --quiet > /dev/null

mkdir -p prices/may1 prices/may2
printf '14:29,10\n14:30,11\n' > prices/may1/abc.csv
printf '14:30,5\n' > prices/may1/xyz.csv
printf '14:30,12\n' > prices/may2/abc.csv
echo 100 | vds commit portfolio - --to abc -m '100 abc' --quiet > /dev/null
vds commit prices prices -m 'two days'
for day in may1 may2; do vds cat worth/day:$day; done

# Somebody buys xyz: the prices of xyz find their partner, and one day is summed up again.
echo 10 | vds commit portfolio - --to xyz -m '10 xyz'
for day in may1 may2; do vds cat worth/day:$day; done
