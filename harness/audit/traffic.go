package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ceteris/ceteris/harness/experiment"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// offered is what a cell's generator was told, and what follows from it.
type offered struct {
	load.Options
	err  error
	hash string // of its requests
	due  int64  // in the measured window; -1 of a closed loop
}

// hashed is how many requests of a schedule are hashed.
const hashed = 10_000

// readLoads reads what the generators were told. Cells that ended early may have
// been told nothing.
func (s *subject) readLoads() {
	s.loads = map[*result.CellRecord]*offered{}
	same := map[string]*offered{} // by what decides the requests
	for _, c := range s.Cells {
		if c.Error != "" {
			continue
		}
		o := &offered{}
		s.loads[c] = o
		text, err := os.ReadFile(filepath.Join(c.Dir, "load.json"))
		if err == nil {
			err = json.Unmarshal(text, &o.Options)
		}
		if err == nil && o.W == nil {
			err = errors.New("load.json has no workload")
		}
		var key []byte
		if err == nil {
			key, err = json.Marshal([]any{o.W, o.Seed, o.RatePerSec, o.Warmup, o.Measure})
		}
		if err != nil {
			o.err = err
			continue
		}
		if known := same[string(key)]; known != nil {
			o.hash, o.due, o.err = known.hash, known.due, known.err
			continue
		}
		o.hash, o.due, o.err = requestsOf(&o.Options)
		same[string(key)] = o
	}
}

// requestsOf hashes when the first requests of a load are due, where they go and
// how large they are, and counts those due in its window.
func requestsOf(o *load.Options) (hash string, due int64, err error) {
	g, err := workloads.NewGenerator(o.W, o.Seed, o.RatePerSec)
	if err != nil {
		return "", 0, err
	}
	due = -1
	if g.Schedule != nil {
		due = g.Before(int64(o.Warmup+o.Measure)) - g.Before(int64(o.Warmup))
	}
	sum := sha256.New()
	var b []byte
	for i := range int64(hashed) {
		b = b[:0]
		if g.Schedule != nil {
			b = binary.BigEndian.AppendUint64(b, uint64(g.At(i)))
		}
		b = binary.BigEndian.AppendUint32(b, uint32(g.Partition(i)))
		b = binary.BigEndian.AppendUint32(b, uint32(g.Connection(i)))
		for r := range o.W.RecordsPerBatch {
			b = binary.BigEndian.AppendUint32(b, uint32(g.Size(i, r)))
		}
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], due, nil
}

// traffic: all arms of a block got the same requests, those that the recorded seed
// gives, and as many as were due.
func (s *subject) traffic() (string, error) {
	type point struct {
		block    int
		workload string
		load     float64
	}
	var errs []error
	bad := func(c *result.CellRecord, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%03d/%s: "+format, append([]any{c.Block, c.ID}, args...)...))
	}
	first, cells := map[point]*offered{}, 0
	for _, c := range s.Cells {
		o := s.loads[c]
		if o == nil {
			continue
		}
		if o.err != nil {
			bad(c, "%v", o.err)
			continue
		}
		cells++
		block := c.Block
		if i := slices.IndexFunc(s.Repeats, func(r result.Repeat) bool { return r.As == c.Block }); i >= 0 {
			block = s.Repeats[i].Block
		}
		if want := experiment.TrafficSeed(s.e, block, c.Workload); o.Seed != want {
			bad(c, "its requests come from seed %d, the experiment's gives %d", o.Seed, want)
		}
		if o.RatePerSec != c.LoadPerSec || o.Warmup != s.e.Warmup || o.Measure != s.e.Measure || o.Driver != s.e.Driver {
			bad(c, "offered %g/s for %v and %v by driver %s, which is not what it is recorded as", o.RatePerSec, o.Warmup, o.Measure, o.Driver)
		}
		at := point{c.Block, c.Workload, c.LoadPerSec}
		if first[at] == nil {
			first[at] = o
		}
		if o.hash != first[at].hash {
			bad(c, "its requests have the hash %s, those of another arm %s", o.hash, first[at].hash)
		}
		if o.due >= 0 && c.Load.Intended != o.due {
			bad(c, "%d requests counted as due, its schedule has %d", c.Load.Intended, o.due)
		}
	}
	return fmt.Sprintf("the same requests for every arm at %d loads of blocks, %d cells, as the seed gives them", len(first), cells), errors.Join(errs...)
}
