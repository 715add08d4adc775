# Deferred work: each source commits to a branch of its own as often as it likes, and the merge decides when the stages run.
vds init --quiet > /dev/null
vds repo create numbers --quiet > /dev/null
printf '1\n2\n' | vds commit numbers - --to a -m 'the first file' --quiet > /dev/null
vds pipeline create "$HERE/pipeline.toml" --quiet > /dev/null
vds branch create numbers@staging --quiet > /dev/null

for n in 3 4 5; do echo $n | vds commit numbers@staging - --to b$n -m "file $n"; done
vds ls sums/sum

# Now they are wanted: one merge, one run.
vds merge numbers staging
vds ls sums/sum
