# What people type. Each target says what it does in its comment.

TOOL    := go tool -modfile=tools/go.mod
GOFILES := $(shell git ls-files '*.go')

.PHONY: build demo test setup lint unit fuzz torture bench

# The command, static, in ./bin.
build:
	CGO_ENABLED=0 go build -o bin/starhost ./cmd/starhost

# A whole run on an embedded database; needs nothing but Go.
demo:
	@CGO_ENABLED=0 go run ./cmd/starhost demo

# The gate: installs what a Debian machine lacks, then runs everything.
test: setup lint unit fuzz

# Servers and filesystem tools for the tests, if we may install them.
setup:
	@sh tools/setup.sh

# Without cgo everywhere, as the command is shipped: all that looks at it is compiled once.
lint: export CGO_ENABLED = 0
lint:
	@echo '== format'
	@wrong=$$($(TOOL) gofumpt -l $(GOFILES)) && { [ -z "$$wrong" ] || { echo "$$wrong" >&2; exit 1; }; }
	@echo '== vet'
	go vet ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...
	@echo '== build without cgo'
	go build -o /dev/null ./...
	@echo '== staticcheck'
	$(TOOL) staticcheck ./...
	@echo '== govulncheck'
	@sh tools/govulncheck.sh

# Tables that tests make are printed at the end, whether they passed or not. The tests of the
# scripts are Starlark, thousands of runs in one goroutine: the race detector would see nothing
# there that it does not see in scripttest, and takes five minutes for it.
unit:
	@echo '== tests, with the race detector but for those of the scripts'
	@STARHOST_TABLES=$$(mktemp -d) && export STARHOST_TABLES && \
		{ go test -race -timeout 18m $$(go list ./... | grep -v '/scripts$$') && CGO_ENABLED=0 go test ./scripts; code=$$?; \
		cat "$$STARHOST_TABLES"/*.txt; rm -r "$$STARHOST_TABLES"; exit $$code; }

# Every fuzz target for FUZZTIME, from its seeds.
FUZZTIME ?= 4s
fuzz: export CGO_ENABLED = 0
fuzz:
	@sh tools/fuzz.sh $(FUZZTIME)

# Every death at every record, then N runs that die at random instants.
N ?= 1000
torture:
	STARHOST_TORTURE=$(N) go test -timeout 0 -count=1 -v -run 'TestKillMatrix$$' ./cmd/starhost

# Figures as ratios of one run; see docs/performance.md.
bench:
	go test -run '^$$' -bench . -benchmem ./...
