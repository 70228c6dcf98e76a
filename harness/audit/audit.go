package audit

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ceteris/ceteris/harness/crate"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// Line is one thing that was looked at.
type Line struct {
	Name   string
	State  State
	Detail string
}

// State is what came of a look.
type State string

// The states. Open is for what cannot be told: only by the program that made the
// result, or with more blocks.
const (
	Pass State = "pass"
	Fail State = "FAIL"
	Open State = "open"
)

// openError is why nothing can be said.
type openError struct{ error }

// subject is a result and what its experiment file says.
type subject struct {
	*result.Run
	self   string // the sum of the program that audits
	e      *workloads.Experiment
	events []result.Event
	loads  map[*result.CellRecord]*offered
}

// Result audits the result in dir, self being the SHA-256 of the program that does.
// The error says that it cannot be read at all.
func Result(dir, self string) ([]Line, error) {
	lines, err := inspect(dir, self)
	if err != nil {
		return nil, err
	}
	return append([]Line{
		line("sums", errors.Join(result.VerifySums(dir), crate.Verify(dir)), "every file is the one that was sealed"),
		line("report", report.Verify(dir), "follows from the raw files byte by byte"),
	}, lines...), nil
}

// inspect holds the raw files against each other.
func inspect(dir, self string) ([]Line, error) {
	r, err := result.Open(dir)
	if err != nil {
		return nil, err
	}
	events, err := result.ReadJournal(dir)
	if err != nil {
		return nil, err
	}
	s := &subject{Run: r, self: self, events: events}
	var lines []Line
	if s.e, err = workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText)); err == nil {
		err = s.text()
	}
	lines = append(lines, line("experiment", err, "the file has the sum that was recorded before the first cell"))
	if s.e == nil {
		return lines, nil
	}
	s.readLoads()
	for _, look := range []struct {
		name string
		at   func() (detail string, err error)
	}{
		{"plan", s.plan},
		{"order", s.order},
		{"complete", s.complete},
		{"traffic", s.traffic},
		{"resources", s.resources},
		{"counts", s.counts},
		{"failures", s.failures},
		{"certificate", s.certificate},
	} {
		detail, err := look.at()
		lines = append(lines, line(look.name, err, detail))
	}
	return lines, nil
}

// maxDetails bounds how many failures of one kind are spelled out.
const maxDetails = 3

// line is what came of a look: the detail where err is nil, else the first few of
// what it joins.
func line(name string, err error, detail string) Line {
	if err == nil {
		return Line{name, Pass, detail}
	}
	var unknown openError
	if errors.As(err, &unknown) {
		return Line{name, Open, err.Error()}
	}
	all := strings.Split(err.Error(), "\n")
	text := strings.Join(all[:min(len(all), maxDetails)], "; ")
	if n := len(all) - maxDetails; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return Line{name, Fail, text}
}

// text: what was run is what the manifest says.
func (s *subject) text() error {
	m := &s.Manifest
	if result.SHA256(m.ExperimentText) != m.ExperimentSHA256 {
		return errors.New("the text in manifest.json has not the sum in it")
	}
	sum, err := result.FileSHA256(filepath.Join(s.Dir, "experiment.yaml"))
	if err == nil && sum != m.ExperimentSHA256 {
		err = errors.New("experiment.yaml is not the text in manifest.json")
	}
	if err == nil && m.Seed != s.e.Seed {
		err = fmt.Errorf("seed %d in manifest.json, %d in its experiment", m.Seed, s.e.Seed)
	}
	return err
}
