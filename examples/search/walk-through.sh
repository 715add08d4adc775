# A hyper-parameter search with standard tools only.
vds init --quiet > /dev/null
vds repo create data --quiet > /dev/null
vds repo create parameters --quiet > /dev/null
vds pipeline create "$HERE/pipeline.toml" --quiet > /dev/null

mkdir parameters
for penalty in 0 1 10; do echo $penalty > parameters/p$penalty; done
vds commit parameters parameters -m 'three penalties' --quiet > /dev/null
printf '1,2.1\n2,3.9\n3,6.2\n4,7.8\n' | vds commit data - --to points.csv -m points
vds cat search/best:best

# One more penalty is tried; what was tried before is not tried again.
echo 0.1 | vds commit parameters - --to p0.1 -m 'one more'
vds cat search/best:best
