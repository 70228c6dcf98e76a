package conformance

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/models/log/check"
	"github.com/ceteris/ceteris/models/modeltest"
)

// TestKcat produces and consumes through kcat, a client of another lineage
// (librdkafka), with every codec. Old librdkafka versions silently send
// uncompressed what they think a broker cannot decompress; that must not happen.
func TestKcat(t *testing.T) {
	kcat, err := exec.LookPath("kcat")
	if err != nil {
		t.Skip("kcat is not installed on this machine (Debian package kcat); the other clients are tested without it")
	}
	for _, p := range []modeltest.Point{
		{Model: "threadpool", Set: []string{"threads", "os"}},
		{Model: "tpc", Shards: 2},
		{Model: "tpc", Shards: 2, Set: []string{"routing", "direct"}},
	} {
		t.Run(p.String(), func(t *testing.T) {
			dir := t.TempDir()
			b, stop := p.Start(t, dir, "127.0.0.1:0")
			for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
				t.Run(codec, func(t *testing.T) { kcatRoundTrip(t, kcat, b.Addr(), codec) })
			}
			stop()
			var out bytes.Buffer
			if n, err := check.Check(filepath.Join(dir, "logs"), &out); n > 0 || err != nil {
				t.Errorf("%d problems, %v:\n%s", n, err, out.String())
			}
		})
	}
}

func kcatRoundTrip(t *testing.T, kcat, addr, codec string) {
	topic := "kcat-" + codec
	var want []string
	for i := range 500 {
		want = append(want, fmt.Sprintf("%s-%04d", codec, i))
	}
	produce := exec.Command(kcat, "-b", addr, "-P", "-t", topic, "-z", codec)
	produce.Stdin = strings.NewReader(strings.Join(want, "\n") + "\n")
	if out, err := produce.CombinedOutput(); err != nil || strings.Contains(string(out), "does not support") {
		t.Fatalf("produce: %v\n%s", err, out)
	}
	var errs bytes.Buffer
	consume := exec.Command(kcat, "-b", addr, "-C", "-t", topic, "-o", "beginning", "-e", "-q")
	consume.Stderr = &errs
	out, err := consume.Output()
	if err != nil {
		t.Fatalf("consume: %v\n%s", err, errs.String())
	}
	got := strings.Fields(string(out))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %d records, want %d; standard error:\n%s", len(got), len(want), errs.String())
	}
}
