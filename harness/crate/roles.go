package crate

import (
	"path"
	"strings"
)

// role is what files are for, by a pattern of [path.Match] for their path below
// the result.
type role struct{ pattern, doc, format string }

// The media types that occur; that of histogram logs is text.
const (
	plainText = "text/plain"
	jsonText  = "application/json"
	csvText   = "text/csv"
	yamlText  = "application/yaml"
)

// roles are tried in order. results/README.md says more about each.
var roles = []role{
	{"manifest.json", "What was planned before the first cell ran.", jsonText},
	{"experiment.yaml", "The experiment file as it was read.", yamlText},
	{"env.json", "The machine, and the reasons for its host class.", jsonText},
	{"journal.jsonl", "One line an event of the run, appended and synced.", "application/jsonl"},
	{"certificate.json", "What the load generator is good for on this machine.", jsonText},
	{"analysis.json", "Every number of the report, with refusals and their reasons.", jsonText},
	{"report.html", "The report; it needs neither a network nor a script.", "text/html"},
	{"CHECKSUMS", "SHA-256 of every other file, as sha256sum writes it.", plainText},
	{"figures/DRAWN_BY", "The toolchain that drew the figures.", plainText},
	{"figures/*.svg", "A figure.", "image/svg+xml"},
	{"figures/*.pdf", "A figure, fonts embedded.", "application/pdf"},
	{"figures/*.png", "A figure at 150 dots per inch.", "image/png"},
	{"figures/*.csv", "The data that a figure draws.", csvText},
	{"tables/benchmarks.txt", "The numbers in the format of Go benchmarks, for benchstat.", plainText},
	{"tables/claims.csv", "The claims declared before the run, and what became of them.", csvText},
	{"tables/claim-map.csv", "Each claim of the experiment file, place by place, and the figures and tables that show it.", csvText},
	{"tables/*.csv", "Numbers of the report, units in the column names.", csvText},
	{"blocks/*/limits.json", "What the machine itself did before the block, with no broker running.", jsonText},
	{"blocks/*/*/cell.json", "The cell's record: what was counted, what disturbed it, and whether it counts.", jsonText},
	{"blocks/*/*/response.hlog", "Response times in ns, from the moment due: an HdrHistogram log.", plainText},
	{"blocks/*/*/service.hlog", "Service times in ns, from the moment sent: an HdrHistogram log.", plainText},
	{"blocks/*/*/slip.hlog", "How late requests were sent, in ns: an HdrHistogram log.", plainText},
	{"blocks/*/*/e2e.hlog", "From the moment due to a consumer's receipt, in ns: an HdrHistogram log.", plainText},
	{"blocks/*/*/stages.hlog", "Stages in the broker by API, in ns: an HdrHistogram log.", plainText},
	{"blocks/*/*/probe.hlog", "Round trips of the independent client, in ns: an HdrHistogram log.", plainText},
	{"blocks/*/*/*.hlog", "The times of a class of requests beside the produce load, in ns: an HdrHistogram log.", plainText},
	{"blocks/*/*/timeline.csv", "The window in rows: requests due, acknowledged, failed, given up, and the backlog.", csvText},
	{"blocks/*/*/requests.csv.gz", "Requests one by one, as asked for by request_log.", "application/gzip"},
	{"blocks/*/*/counters.csv", "The broker process, once a second.", csvText},
	{"blocks/*/*/workers.csv", "Where each of the broker's threads spent its time.", csvText},
	{"blocks/*/*/broker.json", "The broker's effective configuration and the facts it found.", jsonText},
	{"blocks/*/*/load.json", "What the load generator was told.", jsonText},
	{"blocks/*/*/metrics*.txt", "The broker's Prometheus metrics at an end of the window.", plainText},
	{"blocks/*/*/server.log", "Standard error of the broker.", plainText},
	{"blocks/*/*/load.log", "Standard error of the load generator.", plainText},
}

// roleOf is the role of a file; one that no pattern knows is a file without a
// role.
func roleOf(file string) role {
	for _, r := range roles {
		if ok, err := path.Match(r.pattern, file); ok && err == nil {
			return r
		}
	}
	return role{doc: "A file that this version knows no role for.", format: plainText}
}

// raw reports whether a file was written by the run itself and not made from what
// the run has written.
func raw(file string) bool {
	top, _, _ := strings.Cut(file, "/")
	switch top {
	case "figures", "tables", "analysis.json", "report.html", "CHECKSUMS":
		return false
	}
	return true
}
