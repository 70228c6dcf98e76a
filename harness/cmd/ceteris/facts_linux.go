package main

import (
	"maps"
	"os"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/uring"
	"github.com/ceteris/ceteris/tpc"
)

// tried is what the system really does, found by trying it below dir.
func tried(dir string) host.Facts {
	f := host.Facts{Storage: map[string]string{}, Limits: host.ProcessLimits(), Cycles: "yes"}
	events := host.CountEvents(host.Machine{}, os.Getpid(), false)
	if why := events.Read().NoEvents; why != "" {
		f.Cycles = why
	}
	events.Close()
	for _, probe := range []func(string) (map[string]string, error){disk.Probe, tpc.ProbeAsync} {
		facts, err := probe(dir)
		maps.Copy(f.Storage, facts)
		if err != nil {
			f.Storage["disk.direct"] = err.Error()
		}
	}
	features, err := uring.Probe()
	if f.UringOK = err == nil; err != nil {
		f.Uring = err.Error()
		return f
	}
	f.Uring = features.Setup
	for name, has := range map[string]bool{"multishot receive": features.MultishotRecv, "buffer rings": features.BufferRing} {
		if !has {
			f.Uring += ", no " + name
		}
	}
	return f
}
