# The verbs of the house. Each is a script, so that it can be read and run by itself.
#
#   make run      install, build, set up and run the server: nothing else is needed
#   make test     every test; T=NAME runs only the Swift tests whose name contains NAME
#   make build    release build
#   make bench    measure this server and its peers (about an hour)
#   make lint     style, sizes, names, floors
#   make format   put the sources into style
#   make docs     write the generated pages again

.PHONY: run test build bench lint format docs

run:
	@exec scripts/run

test:
	@exec scripts/test $(T)

build:
	@exec scripts/build

bench:
	@exec scripts/bench

lint:
	@scripts/install-build-deps
	@status=0; swift format lint --strict --recursive Sources Tests Package.swift || status=1; \
	scripts/lint || status=1; exit $$status

format:
	@swift format format --in-place --recursive Sources Tests Package.swift

docs:
	@exec scripts/docs
