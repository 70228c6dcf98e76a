package host

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestStart binds a child to each CPU in turn and has the child itself say
// where it may run.
func TestStart(t *testing.T) {
	before, err := Allowed()
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range before {
		var out strings.Builder
		cmd := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status")
		cmd.Stdout = &out
		if err := Start(cmd, []int{cpu}); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		_, list, _ := strings.Cut(out.String(), ":")
		if got := strings.TrimSpace(list); got != FormatCPUs([]int{cpu}) {
			t.Errorf("child ran on CPUs %s, want %d", got, cpu)
		}
	}
	// This process must be as free as before.
	got, err := Machine{}.ReadBack(os.Getpid(), before)
	if err != nil || FormatCPUs(got) != FormatCPUs(before) {
		t.Errorf("this process may now run on %v (%v), before on %v", got, err, before)
	}
}

func TestStartOnMissingCPU(t *testing.T) {
	online, err := Machine{}.Online()
	if err != nil || len(online) == 0 {
		t.Fatalf("online CPUs: %v, %v", online, err)
	}
	absent := online[len(online)-1] + 1
	if absent >= maxCPU {
		t.Skip("this machine has every CPU there can be")
	}
	err = Start(exec.Command("true"), []int{online[0], absent})
	if err == nil || !strings.Contains(err.Error(), FormatCPUs([]int{absent})) {
		t.Errorf("starting on CPU %d, which does not exist: %v", absent, err)
	}
}

func TestProcessOfSelf(t *testing.T) {
	p, err := Machine{}.Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if p.Threads < 1 || p.RSSBytes <= 0 || p.RunNs <= 0 {
		t.Errorf("%+v: threads, memory and CPU time of a running process are above 0", p)
	}
	again, err := Machine{}.Process(os.Getpid())
	if err != nil || again.RunNs < p.RunNs {
		t.Errorf("CPU time went from %d to %d (%v)", p.RunNs, again.RunNs, err)
	}
}
