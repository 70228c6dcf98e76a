package experiment

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/host"
)

// sameMachine refuses to go on with a run where another machine, or this one in
// another state, would answer: a result describes one, and its class says what the
// report may show.
func sameMachine(was, now *host.Env) error {
	for _, x := range []struct{ what, was, now string }{
		{"the processor", was.CPUModel, now.CPUModel},
		{"the kernel", was.Kernel, now.Kernel},
		{"the CPUs online", was.Online, now.Online},
		{"the CPUs isolated", was.Isolated, now.Isolated},
		{"the CPU quota", was.CgroupCPU, now.CgroupCPU},
		{"the governor", was.Governor, now.Governor},
		{"turbo", was.Turbo, now.Turbo},
		{"the clock source", was.Clocksource, now.Clocksource},
		{"huge pages", was.HugePages, now.HugePages},
		{"the host class", string(was.Class), string(now.Class)},
		{"the file system", was.Data.Filesystem, now.Data.Filesystem},
		{"the device below it", was.Data.Device, now.Data.Device},
		{"its scheduler", was.Data.Scheduler, now.Data.Scheduler},
	} {
		if x.was != x.now {
			return fmt.Errorf("%s was %q when it was begun and is %q here; start a new run", x.what, x.was, x.now)
		}
	}
	return nil
}
