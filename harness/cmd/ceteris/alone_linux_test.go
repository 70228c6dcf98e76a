package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/host"
)

// impatient gives up at the first thing that it is told.
type impatient struct {
	bytes.Buffer
	cancel func()
}

func (i *impatient) Write(b []byte) (int, error) {
	i.cancel()
	return i.Buffer.Write(b)
}

// TestAlone: no command measures beside another one that does.
func TestAlone(t *testing.T) {
	cpus, err := host.Allowed()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	release, err := host.Claim(ctx, cpus, func(int, int) { cancel() }) // somebody else has one: as good
	if err == nil {
		defer release()
	}
	for _, args := range [][]string{
		{"run", "../../../workloads/smoke.yaml", "--results", t.TempDir()},
		{"certify"},
		{"selftest"},
		{"tune", "threadpool", "../../../workloads/smoke.yaml", "--results", t.TempDir()},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		out, errs := &impatient{cancel: cancel}, &bytes.Buffer{}
		code := execute(ctx, args, streams{strings.NewReader(""), out, errs})
		if code != 1 || !strings.Contains(out.String(), "waiting for process") || !strings.Contains(errs.String(), "waiting for another measurement") {
			t.Errorf("%s: exit code %d, %q, %q; want it to wait", args[0], code, out, errs)
		}
	}
}
