# The two commands are `make demo` and `make test`; both set up what they need.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
TOOLS := $(TARGET)/tools

.PHONY: help demo test format lint tests docs deny bench install

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
	$(CARGO) test --locked

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

# The advisories come from a database that an offline machine cannot fetch; then the other checks still count.
deny:
	@command -v cargo-deny >/dev/null || [ -x $(TOOLS)/bin/cargo-deny ] || \
		$(CARGO) install cargo-deny --locked --version 0.20.2 --root $(TOOLS)
	PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny check bans licenses sources
	@PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny fetch db >/dev/null 2>&1 \
		&& PATH="$(TOOLS)/bin:$$PATH" $(CARGO) deny check advisories \
		|| { [ ! -d "$$HOME/.cargo/advisory-dbs" ] && echo "advisories: skipped, the database cannot be fetched here"; }

bench: ## measure against b3sum, cp, git and find
	$(CARGO) build --release --locked --bin vds
	VDS=$(TARGET)/release/vds bash benches/figures.sh

install: ## put vds into ~/.cargo/bin
	$(CARGO) install --path . --locked
