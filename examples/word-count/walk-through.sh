# Word count: a map and a reduce that do only what a new text makes necessary.
vds init --quiet > /dev/null
vds repo create texts --quiet > /dev/null
vds pipeline create "$HERE/pipeline.toml" --quiet > /dev/null

mkdir texts
echo 'the sea and the sky' > texts/one
echo 'the sky is blue' > texts/two
vds commit texts texts -m 'two texts'
for word in the sky; do vds cat words/reduce:$word; done

# One more text: one datum of the map, and two words.
echo 'blue sea' > texts/three
vds commit texts texts -m 'one more'
vds cat words/reduce:sea
