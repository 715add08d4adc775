# The two commands are `make demo` and `make test`; both set up what they need.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
TOOLS := $(TARGET)/tools

.PHONY: help demo test format lint tests docs deny torture fuzz bench install reference

help: ## say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## / - /'

demo: ## build vds and find the settlement instant in made-up tick data
	$(CARGO) build --release --locked --bin vds --example settlement-ticks
	VDS=$(TARGET)/release/vds TICKS=$(TARGET)/release/examples/settlement-ticks \
		REPORT=$(CURDIR)/report.svg bash examples/settlement/walk-through.sh

test: format lint tests docs deny ## run every check

format:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --lib -- -D warnings

tests:
	@for tool in git python3; do command -v $$tool >/dev/null || { apt-get update && apt-get install --yes $$tool; }; done
	$(CARGO) test --locked

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

# Built without optimisation: it is a fraction of the wait, and checks this tree in about a second all the same. The
# advisories are a git repository; where it cannot be fetched, that one check is skipped, and said to be.
deny: export PATH := $(TOOLS)/bin:$(PATH)
deny:
	@command -v cargo-deny >/dev/null || CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
		$(CARGO) install cargo-deny --locked --version 0.20.2 --root $(TOOLS)
	$(CARGO) deny check bans licenses sources
	@if $(CARGO) deny fetch db >/dev/null 2>&1; then $(CARGO) deny check advisories; \
		else echo "advisories: SKIPPED, their database cannot be fetched from here"; fi

# VDS_TORTURE is the number of rounds of what goes by lot; what can be counted is tried to the end. VDS_SEED repeats what went wrong.
torture: export VDS_TORTURE := $(or $(VDS_TORTURE),200)
torture: ## every write fails once, the power is cut, processes are killed: for hours if need be
	$(CARGO) test --locked --no-fail-fast --test every_write --test power_cut --test killed --test full_disk -- --nocapture

# On the stable compiler, without a sanitizer: there is no unsafe code to watch. What is found lies in fuzz/artifacts.
fuzz: export PATH := $(TOOLS)/bin:$(PATH)
fuzz: ## feed every decoder what it does not expect, each for VDS_FUZZ seconds (60)
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked --version 0.13.2 --root $(TOOLS)
	@for target in fuzz/seeds/*; do name=$${target##*/}; mkdir -p fuzz/corpus/$$name; \
		$(CARGO) fuzz run --sanitizer none $$name fuzz/corpus/$$name $$target -- -max_total_time=$(or $(VDS_FUZZ),60) -rss_limit_mb=1024 || exit 1; done

bench: export PATH := $(TOOLS)/bin:$(PATH)
bench: ## measure against b3sum, cp, git and find
	@command -v b3sum >/dev/null || $(CARGO) install b3sum --locked --version 1.8.7 --root $(TOOLS)
	$(CARGO) build --release --locked --bin vds
	VDS=$(TARGET)/release/vds bash benches/figures.sh
	$(CARGO) bench --locked --bench history

install: ## put vds into ~/.cargo/bin
	$(CARGO) install --path . --locked

reference: ## write what the program prints now into README.md, docs/ and tests/cli/; look at the difference
	VDS_BLESS=1 $(CARGO) test --locked --test docs --test verbs
