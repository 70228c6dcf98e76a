//go:build unix

package telemetry

import "golang.org/x/sys/unix"

// processFamilies is what the kernel counts for the whole process (getrusage).
func processFamilies() []family {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return nil
	}
	seconds := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return []family{
		{name: "ceteris_process_cpu_seconds_total", help: "CPU time of the process.", kind: KindCounter, points: []point{
			{labels: []Label{{"mode", "user"}}, value: seconds(u.Utime)},
			{labels: []Label{{"mode", "system"}}, value: seconds(u.Stime)},
		}},
		{name: "ceteris_process_context_switches_total", help: "Context switches of all threads.", kind: KindCounter, points: []point{
			{labels: []Label{{"kind", "voluntary"}}, value: float64(u.Nvcsw)},
			{labels: []Label{{"kind", "involuntary"}}, value: float64(u.Nivcsw)},
		}},
		{name: "ceteris_process_page_faults_total", help: "Page faults of all threads.", kind: KindCounter, points: []point{
			{labels: []Label{{"kind", "minor"}}, value: float64(u.Minflt)},
			{labels: []Label{{"kind", "major"}}, value: float64(u.Majflt)},
		}},
		{name: "ceteris_process_resident_peak_bytes", help: "Most memory ever resident.", kind: KindGauge, points: []point{
			{value: float64(u.Maxrss) * rusageRSSUnit},
		}},
	}
}
