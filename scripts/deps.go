//go:build deps

// Package scripts: temporary list of dependencies while the house is being built.
package scripts

import (
	_ "github.com/alecthomas/kong"
	_ "github.com/elastic/go-seccomp-bpf"
	_ "github.com/emiago/sipgo"
	_ "github.com/fsnotify/fsnotify"
	_ "github.com/hashicorp/hcl/v2/gohcl"
	_ "github.com/hashicorp/hcl/v2/hclparse"
	_ "github.com/hashicorp/hcl/v2/hclsyntax"
	_ "github.com/icholy/digest"
	_ "github.com/jezek/xgb/shm"
	_ "github.com/jezek/xgb/xproto"
	_ "github.com/pion/rtcp"
	_ "github.com/pion/rtp/codecs"
	_ "github.com/pion/sdp/v3"
	_ "github.com/pion/srtp/v3"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/prometheus/client_golang/prometheus/testutil"
	_ "github.com/zclconf/go-cty/cty"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "modernc.org/sqlite"
)
