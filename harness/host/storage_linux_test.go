package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withLinks makes a machine of files and links, names of which %s is the number of
// the device that holds a new directory.
func withLinks(t *testing.T, files, links map[string]string) (m Machine, data string) {
	t.Helper()
	data = t.TempDir()
	major, minor, err := deviceOf(data)
	if err != nil {
		t.Fatal(err)
	}
	m = machineOf(t, files)
	for name, to := range links {
		name = m.path(strings.ReplaceAll(name, "%s", fmt.Sprintf("%d:%d", major, minor)))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(m.path(to), name); err != nil {
			t.Fatal(err)
		}
	}
	return m, data
}

// TestStorage: the queue is that of the disk that really holds the data, whatever
// its file system calls the device.
func TestStorage(t *testing.T) {
	const disk = "/sys/devices/pci0/block/nvme0n1"
	for name, c := range map[string]struct {
		device string
		links  map[string]string
	}{
		"a root without a name": {"/dev/root", map[string]string{"/sys/dev/block/%s": disk}},
		"a partition":           {"/dev/nvme0n1p2", map[string]string{"/sys/dev/block/%s": disk + "/nvme0n1p2"}},
		"a logical volume": {"/dev/mapper/vg-data", map[string]string{
			"/sys/dev/block/%s": "/sys/devices/virtual/block/dm-1", "/sys/devices/virtual/block/dm-1/slaves/dm-0": "/sys/devices/virtual/block/dm-0",
			"/sys/devices/virtual/block/dm-0/slaves/nvme0n1p2": disk + "/nvme0n1p2",
		}},
		"known by name only": {"/dev/nvme0n1p2", map[string]string{"/sys/class/block/nvme0n1p2": disk + "/nvme0n1p2"}},
	} {
		m, data := withLinks(t, map[string]string{
			disk + "/queue/scheduler": "none [kyber]", disk + "/queue/write_cache": "write back", disk + "/nvme0n1p2/dev": "259:2",
			"/sys/devices/virtual/block/dm-0/queue/scheduler": "none", "/sys/devices/virtual/block/dm-1/queue/scheduler": "none",
			"/proc/self/mounts": c.device + " / ext4 rw 0 0\n",
		}, c.links)
		if s := m.storage(data); s.Scheduler != "none [kyber]" || s.WriteCache != "write back" {
			t.Errorf("%s: scheduler %q, write cache %q", name, s.Scheduler, s.WriteCache)
		}
	}
}

// TestStorageBehindALink: results that a link leads to lie where it leads.
func TestStorageBehindALink(t *testing.T) {
	data := t.TempDir()
	link := filepath.Join(t.TempDir(), "results")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	m := machineOf(t, map[string]string{"/proc/self/mounts": "/dev/vda / ext4 rw 0 0\ntmpfs " + data + " tmpfs rw 0 0\n"})
	if s := m.storage(link); s.Filesystem != "tmpfs" || s.Path != link {
		t.Errorf("%s on %s, want tmpfs on what was given", s.Filesystem, s.Path)
	}
}

// TestInterrupts: those that the kernel lets nobody move are no file to write to.
func TestInterrupts(t *testing.T) {
	const disk = "/sys/devices/pci0/0/block/sdx"
	for name, c := range map[string]struct {
		mayBe, is string
		mode      os.FileMode
		status    Status
		mend      string
		writes    int
	}{
		"anywhere":                         {"0-7", "1", 0o644, Warn, "for i in 35 36; do echo 0-3 | sudo tee /proc/irq/$i/smp_affinity_list; done", 2},
		"the kernel's, with the broker":    {"0-7", "1", 0o444, Pass, "", 0},
		"the kernel's, for the generator":  {"4-7", "5", 0o444, Pass, "", 0},
		"the kernel's, with the generator": {"0-7", "5", 0o444, Warn, "host.broker_cpus with CPU 5", 0},
		"the broker's":                     {"0-3", "1", 0o644, Pass, "", 0},
	} {
		files := good()
		for _, irq := range []string{"35", "36"} {
			files["/sys/devices/pci0/0/msi_irqs/"+irq] = "msix"
			files["/proc/irq/"+irq+"/smp_affinity_list"], files["/proc/irq/"+irq+"/effective_affinity_list"] = c.mayBe, c.is
		}
		files[disk+"/dev"] = "x"
		m, data := withLinks(t, files, map[string]string{"/sys/dev/block/%s": disk})
		for _, irq := range []string{"35", "36"} {
			if err := os.Chmod(m.path("/proc/irq/"+irq+"/smp_affinity_list"), c.mode); err != nil {
				t.Fatal(err)
			}
		}
		e := m.Capture(data)
		e.Allowed, e.Data.IRQCPU, e.Data.IRQ = "0-7", 0, "sdx"
		if k := m.checkInterrupts(&e); k.Status != c.status || !strings.HasPrefix(k.Mend, c.mend) || len(k.writes) != c.writes {
			t.Errorf("%s: %+v", name, k)
		}
	}
}
