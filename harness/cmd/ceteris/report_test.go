package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/internal/reference"
)

// TestReportOfDamage: a result of which a measured file is damaged is not reported on
// and not sealed again, which would make the damage what was measured.
func TestReportOfDamage(t *testing.T) {
	dir := reference.Copy(t)
	damaged := "blocks/000/1k-process-8000-tpc/response.hlog"
	if err := os.Truncate(filepath.Join(dir, damaged), 200); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ command, want string }{{"report", damaged + " has changed since it was sealed"}, {"verify", damaged + " has changed"}} {
		var out, errs bytes.Buffer
		code := execute(context.Background(), []string{c.command, dir}, streams{strings.NewReader(""), &out, &errs})
		if code != 1 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: exit code %d, %q; want %q", c.command, code, errs.String(), c.want)
		}
	}
}
