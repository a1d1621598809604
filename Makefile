# make demo   sets up everything and runs two windows     make test   sets up everything and runs the tests
# make build  sets up and builds; make bench, make fuzz: see README.md

SHELL := /bin/sh
export GOTOOLCHAIN ?= auto
export RUNS
GOARCH_HOST := $(shell dpkg --print-architecture 2>/dev/null || uname -m)
GOARCH      ?= $(GOARCH_HOST)
VERSION     := $(shell git describe --tags --always --long --dirty 2>/dev/null || echo unknown)
GO_BUILD     = go build -trimpath -ldflags '-X main.version=$(VERSION)'
GO_PURE      = CGO_ENABLED=0 GOARCH=$(GOARCH) $(GO_BUILD)

.PHONY: demo test test-busy test-deb image test-image netns vm vuln build deb bench bench-plan bench-strangers bench-line bench-echo soak fuzz clean programs glass setup-build setup-demo setup-test setup-bench setup-netns setup-deb setup-vm setup-image setup-test-image

demo: setup-demo programs
	go run ./scripts/demo $(if $(SECONDS),-seconds $(SECONDS)s) $(if $(CAMERA),-camera '$(CAMERA)') \
		$(if $(MICROPHONE),-microphone '$(MICROPHONE)') $(if $(SPEAKER),-speaker '$(SPEAKER)')

test: setup-demo setup-test programs
	sh scripts/test.sh

# The same beside two processes that keep the cores busy, RUNS times in a row (default 3).
test-busy: setup-demo setup-test programs
	sh scripts/test-busy.sh

# Two windows and the registrar behind all kinds of routers, in network namespaces: five to nine minutes. CELLS='carrier no-udp' for some of them
# (go run ./scripts/netns -list), LOGS=DIR keeps what everybody said.
netns: setup-demo setup-netns programs
	go run ./scripts/netns $(if $(CELLS),-cells '$(CELLS)') $(if $(LOGS),-logs '$(LOGS)')

# The installed package on a computed machine with real device drivers: root, five minutes for its disk at first, and two to twelve for each scene.
# SCENES='join power' for some of them (go run ./scripts/vm -list), CUTS=20 for more power cuts, LOGS=DIR keeps what everybody said and the screens.
vm: setup-demo setup-vm programs deb
	sh scripts/vm/disk.sh "$$(ls -t bin/deb/ewindow_*_$(GOARCH_HOST).deb | head -1)" bin/vm
	go run ./scripts/vm $(if $(SCENES),-scenes '$(SCENES)') $(if $(CUTS),-cuts '$(CUTS)') $(if $(LOGS),-logs '$(LOGS)')

vuln:
	sh scripts/vuln.sh

build: setup-build programs

# ewindow and ewindow-registrar are pure Go and cross-compile; ewindow-media needs the target's GStreamer.
programs: | bin
	$(GO_PURE) -o bin/ewindow ./endpoint
	$(GO_PURE) -o bin/ewindow-registrar ./registrar
ifeq ($(GOARCH),$(GOARCH_HOST))
	CGO_ENABLED=1 $(GO_BUILD) -o bin/ewindow-media ./media/gst
else
	@echo "bin/ewindow-media is not built for $(GOARCH): it needs that machine's GStreamer; run make build there"
endif

# Debian packages in bin/deb, for this machine or for GOARCH=arm64: there ewindow-media is built with an unpacked Debian of arm64.
deb: setup-build
	$(if $(filter-out $(GOARCH_HOST),$(GOARCH)),@sh scripts/setup.sh cross)
	VERSION='$(VERSION)' sh scripts/package/deb.sh $(GOARCH)

# The packages in bare Debian 12 and 13 that run as containers: root, the network, and about five minutes. SUITES=trixie for one. With
# GOARCH=arm64: that Debian has what they need, and the programs start.
test-deb: setup-deb deb
	$(if $(filter-out $(GOARCH_HOST),$(GOARCH)),sh scripts/package/foreign.sh $(GOARCH),sh scripts/package/test.sh) $(SUITES)

# The image of a card for a Raspberry Pi 3 or 4, in bin/image, with the package for arm64: root, the network, and up to half an hour the first time. What can
# be chosen stands in scripts/image/image.sh.
image: setup-image
	$(MAKE) deb GOARCH=arm64
	sh scripts/image/image.sh

# The image in QEMU: what the screen shows, a file on the card, updates that come up and do not. Root, and a quiet machine; TRY='-only choice' for a part, -keep DIR leaves pictures.
test-image: setup-demo setup-test-image programs
	go run ./scripts/image/try $(TRY)

bench: setup-demo setup-bench programs glass bench-plan bench-strangers bench-line bench-echo bench-sync
	go run ./scripts/bench $(BENCH)

# The dialplan alone: needs nothing but Go.
bench-plan:
	go run ./scripts/bench/plan
	go test ./registrar/proxy -run '^$$' -bench Reload -benchtime 60x

# What strangers can do to the registrar: memory, and who still logs in while they flood it.
bench-strangers: programs
	go run ./scripts/bench/strangers

# Over bad lines, beside GStreamer's plain RTP (LINE='-peer chromium': beside Chromium's WebRTC, LINE='-path direct,relay': also by the registrar's relay): an hour and a half; LINE='-seconds 15 -runs 1 -only loss5,cut' for a look, -h for the rest.
bench-line: setup-demo setup-bench programs glass
	go run ./scripts/bench/line $(LINE)

# Two windows for MINUTES over a line that loses packets, restarted, closed and cut: fails if memory, files, goroutines or delays grow.
MINUTES ?= 10
soak: setup-demo setup-bench programs
	go run ./scripts/bench/soak -for $(MINUTES)m $(SOAK)

# Echo: the canceller alone in time of the samples, then two windows from outside, for each path in ms; five minutes. DEBIAN=13 has
# both in that Debian (as root).
ECHO ?= 10 60 150 250
bench-echo: setup-demo setup-bench programs
	go build -o bin/room ./scripts/bench/room
	go test -c -o bin/echo.test ./media/gst
	cd media/gst && $(if $(DEBIAN),sh ../../scripts/bench/debian.sh $(DEBIAN) )../../bin/echo.test -test.run 'FollowsThePath|DoubleTalk|NothingPumps' -test.v
	$(if $(DEBIAN),sh scripts/bench/debian.sh $(DEBIAN) )bash scripts/bench/echo.sh $(ECHO)

# Lip sync: a flash and a beep through two windows, clean and at 5 % of loss; SYNC='-seconds 60' for longer.
bench-sync: setup-demo setup-bench programs
	go run ./scripts/bench/sync $(SYNC)

glass: | bin
	$(CC) -O2 -o bin/glass scripts/bench/glass.c -lX11 -lXext -lm

# Each fuzz target for TIME (default 30s).
TIME ?= 30s
fuzz:
	sh scripts/fuzz.sh $(TIME)

setup-build:
	@sh scripts/setup.sh build
setup-demo:
	@sh scripts/setup.sh build run
setup-test:
	@sh scripts/setup.sh test
setup-netns:
	@sh scripts/setup.sh netns
setup-deb:
	@sh scripts/setup.sh deb
setup-vm:
	@sh scripts/setup.sh vm
setup-image:
	@sh scripts/setup.sh image
setup-test-image:
	@sh scripts/setup.sh test-image
setup-bench:
	@sh scripts/setup.sh build bench

bin:
	@mkdir -p bin

clean:
	rm -rf bin demo
