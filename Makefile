# The two commands of the README are `make run` and `make test`.
GO     ?= go
TOOL   := $(GO) tool -modfile=tools.mod
TEST   := ./deploy/gotest.sh
UNIT   := $(shell $(GO) list ./... 2>/dev/null | grep -v '/e2e/')
export CGO_ENABLED ?= 0

.PHONY: run build generate check test unit real browser bench fuzz clean

run: build ; ./bin/postern demo --listen $${POSTERN_LISTEN:-127.0.0.1:8080}
build: ; $(GO) build -o bin/postern ./cmd/postern
generate: ; $(GO) test -count=1 -run TestConfigDoc ./cmd/postern -update >/dev/null && $(TOOL) templ generate -path . && $(GO) run -modfile=tools.mod static/generate.go
check: fresh format vet types unit
test: install check real browser
fresh: ; ./deploy/fresh.sh
format: ; @out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "not gofmt-ed:"; echo "$$out"; exit 1; }
vet: ; $(GO) vet ./... && $(TOOL) staticcheck ./...
types: ; ./deploy/types.sh
unit: ; CGO_ENABLED=1 $(TEST) -race -shuffle=on -timeout 20m $(UNIT)
real: ; $(TEST) -count=1 -p 1 -timeout 15m ./e2e/realserver ./e2e/corpus
browser: ; $(TEST) -count=1 -timeout 20m ./e2e/browser
bench: ; $(GO) test -run '^$$' -bench . -benchtime 1s -timeout 30m ./e2e/bench
install: ; ./deploy/install-test-needs.sh
clean: ; rm -rf bin
